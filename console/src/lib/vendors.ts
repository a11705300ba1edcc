// The five vendors' calls as this tenant's own clients make them: curl, the
// vendor's SDK, and where each field of the answer comes from.
import type { Key as KeyOf, Node, Quota, Tenant } from '../api/client'
import { big } from '../api/exact'
import type { Today } from './data'

export interface Have {
  tenant: Tenant
  nodes: Node[]
  keys: KeyOf[]
  user: string
  origin: string
  now: number
}

export interface Vendor {
  id: 'meeting' | 'koodrive' | 'zstack' | 'rtc' | 'metastudio'
  name: string
  method: string
  path: (h: Have) => string
  needs: (h: Have) => string[] // aliases that are missing
  curl: (h: Have) => string
  sdk?: { name: string; code: (h: Have) => string }
}

const alias = (h: Have, kind: string): string | undefined => h.nodes.map((n) => n.aliases?.[kind]).find(Boolean) ?? h.tenant.aliases?.[kind]
const or = (v: string | undefined, name: string) => v ?? `$${name}`
const aksk = (h: Have) => h.keys.find((k) => k.kind === 'aksk' && !k.disabled)?.id ?? '$HUAWEI_ACCESS_KEY'
const quote = (s: string) => s.replaceAll("'", `'\\''`)
const missing = (h: Have, ...kinds: string[]) => kinds.filter((k) => !alias(h, k))
const dates = (h: Have) => [7, 1].map((d) => new Date(h.now - d * 86_400_000).toISOString().slice(0, 10)) as [string, string]

const iamToken = (h: Have) =>
  `TOKEN=$(curl -s -D - -o /dev/null ${h.origin}/v3/auth/tokens \\
  -H 'Content-Type: application/json;charset=utf8' \\
  -d '{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"${quote(h.user)}","password":"'"$HUAWEI_PASSWORD"'","domain":{"name":"${quote(or(alias(h, 'huawei.domain'), 'HUAWEI_DOMAIN'))}"}}}},"scope":{"project":{"name":"${quote(or(alias(h, 'huawei.project_name'), 'HUAWEI_REGION'))}"}}}}' \\
  | tr -d '\\r' | awk 'tolower($1) == "x-subject-token:" {print $2}')`

const goClient = (h: Have, pkg: string, service: string, builder: string, call: string) => `package main

import (
	"fmt"
	"log"
	"os"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	${pkg} "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/${service}/v1"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/${service}/v1/model"
)

func main() {
	credentials, err := basic.NewCredentialsBuilder().
		WithAk("${aksk(h)}").
		WithSk(os.Getenv("HUAWEI_SECRET_KEY")).
		WithProjectId("${or(alias(h, 'huawei.project'), 'HUAWEI_PROJECT_ID')}").
		SafeBuild()
	if err != nil {
		log.Fatal(err)
	}
	http, err := ${pkg}.${builder}().
		WithEndpoint("${h.origin}").
		WithCredential(credentials).
		SafeBuild()
	if err != nil {
		log.Fatal(err)
	}
${call}
}`

export const vendors: Vendor[] = [
  {
    id: 'meeting', name: 'Huawei Cloud Meeting', method: 'GET', path: () => '/v1/mmc/management/orgRes', needs: () => [],
    curl: (h) => `TOKEN=$(curl -s -u '${quote(h.user)}':"$MEETING_PASSWORD" ${h.origin}/v1/usg/acs/auth/account \\
  -H 'Content-Type: application/json; charset=UTF-8' \\
  -d '{"account":"${quote(h.user)}","clientType":72}' | grep -o '"accessToken":"[^"]*"' | cut -d '"' -f 4)

curl -s ${h.origin}/v1/mmc/management/orgRes -H "X-Access-Token: $TOKEN"`,
    sdk: { name: 'Go SDK v3', code: (h) => `package main

import (
	"fmt"
	"log"
	"os"

	meeting "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/meeting/v1"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/meeting/v1/model"
)

func main() {
	credentials := meeting.NewMeetingCredentialsBuilder().
		WithUserName("${h.user}").
		WithUserPassword(os.Getenv("MEETING_PASSWORD")).
		Build()
	http, err := meeting.MeetingClientBuilder().
		WithEndpoint("${h.origin}").
		WithCredential(credentials).
		SafeBuild()
	if err != nil {
		log.Fatal(err)
	}
	answer, err := meeting.NewMeetingClient(http).ShowOrgRes(&model.ShowOrgResRequest{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
}` },
  },
  {
    id: 'koodrive', name: 'KooDrive', method: 'GET', path: () => '/koodrive/ose/v1/service/quotaUsed', needs: () => [],
    curl: (h) => `curl -s ${h.origin}/koodrive/ose/v1/service/quotaUsed \\
  -H "Authorization: Bearer $KOODRIVE_TOKEN"`,
  },
  {
    id: 'zstack', name: 'ZStack', method: 'GET', path: (h) => `/zstack/v1/iam2/organizations/quota/${or(alias(h, 'zstack.organization'), 'ZSTACK_ORGANIZATION')}/usages`, needs: (h) => missing(h, 'zstack.organization'),
    curl: (h) => `SESSION=$(curl -s -X PUT ${h.origin}/zstack/v1/accounts/login \\
  -H 'Content-Type: application/json' \\
  -d '{"logInByAccount":{"accountName":"${quote(h.user)}","password":"'"$(printf %s "$ZSTACK_PASSWORD" | sha512sum | cut -d ' ' -f 1)"'"}}' \\
  | grep -o '"uuid":"[^"]*"' | head -n 1 | cut -d '"' -f 4)

curl -s ${h.origin}/zstack/v1/iam2/organizations/quota/${or(alias(h, 'zstack.organization'), 'ZSTACK_ORGANIZATION')}/usages \\
  -H "Authorization: OAuth $SESSION"`,
  },
  {
    id: 'rtc', name: 'Huawei Cloud RTC', method: 'GET', path: (h) => `/v1/${or(alias(h, 'huawei.project'), 'HUAWEI_PROJECT_ID')}/rtc/history/usage`, needs: (h) => missing(h, 'huawei.project', 'huawei.project_name', 'rtc.app'),
    curl: (h) => `${iamToken(h)}

curl -s '${h.origin}/v1/${or(alias(h, 'huawei.project'), 'HUAWEI_PROJECT_ID')}/rtc/history/usage?app=${or(alias(h, 'rtc.app'), 'RTC_APP')}&metric=CommunicationDuration&start_date=${dates(h)[0]}&end_date=${dates(h)[1]}' \\
  -H "X-Auth-Token: $TOKEN"`,
    sdk: { name: 'Go SDK v3', code: (h) => goClient(h, 'rtc', 'cloudrtc', 'CloudRTCClientBuilder', `	answer, err := rtc.NewCloudRTCClient(http).ListRtcHistoryUsage(&model.ListRtcHistoryUsageRequest{
		App: "${or(alias(h, 'rtc.app'), 'RTC_APP')}", Metric: "CommunicationDuration",
		StartDate: "${dates(h)[0]}", EndDate: "${dates(h)[1]}",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)`) },
  },
  {
    id: 'metastudio', name: 'MetaStudio', method: 'GET', path: (h) => `/v1/${or(alias(h, 'huawei.project'), 'HUAWEI_PROJECT_ID')}/tenants/resources-count`, needs: (h) => missing(h, 'huawei.project', 'huawei.project_name'),
    curl: (h) => `${iamToken(h)}

curl -s '${h.origin}/v1/${or(alias(h, 'huawei.project'), 'HUAWEI_PROJECT_ID')}/tenants/resources-count?resource_expire_start_time=${new Date(h.now).toISOString().slice(0, 19)}Z&resource_expire_end_time=${new Date(h.now + 7 * 86_400_000).toISOString().slice(0, 19)}Z' \\
  -H "X-Auth-Token: $TOKEN"`,
    sdk: { name: 'Go SDK v3', code: (h) => goClient(h, 'studio', 'metastudio', 'MetaStudioClientBuilder', `	answer, err := studio.NewMetaStudioClient(http).CountTenantResources(&model.CountTenantResourcesRequest{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)`) },
  },
]

/** One field of an answer: its value now, and where that comes from. */
export interface FieldOf {
  field: string
  value: string
  unit: string
  meter?: string
  node?: string
  how: 'today' | 'now' | 'limit' | 'used' | 'allocated' | 'rest' | 'setting' | 'utcday' | 'count'
}

const gib = 1n << 30n

/** Half a hundredth rounds up, as the façade does. */
function gigabytes(v: bigint): string {
  const h = ((v < 0n ? 0n : v) * 100n + gib / 2n) / gib
  const cents = String(h % 100n).padStart(2, '0')
  return `${h / 100n}.${cents.endsWith('0') ? cents[0] : cents}`
}

export function meetingFields(list: Today[]): FieldOf[] {
  const of = (name: string) => list.find((f) => f.meter.name === name)?.now ?? 0n
  const rows: [string, string, FieldOf['how'], string, (v: bigint) => string][] = [
    ['usedRecStorage', 'meeting.recording', 'now', 'GB', gigabytes],
    ['usedAccountsCount', 'meeting.concurrent', 'now', '1', String],
    ['usedLiveCount', 'meeting.live', 'now', '1', String],
    ['confCount', 'meeting.conferences', 'today', '1', String],
    ['confLength', 'meeting.duration', 'today', 'min', (v) => String(v / 60n)],
    ['activeAttendeeCount', 'meeting.active_users', 'today', '1', String],
    ['totalAttendeeCount', 'meeting.attendances', 'today', '1', String],
  ]
  return rows.map(([field, meter, how, unit, show]) => ({ field, meter, how, unit, value: show(of(meter) < 0n ? 0n : of(meter)), node: '/' }))
}

export function driveFields(quotas: Quota[], tenant: Tenant): FieldOf[] {
  const q = (node: string, meter = 'drive.space') => quotas.find((x) => x.node === node && x.meter === meter)
  const gb = (v: bigint) => String(v / gib)
  const kb = (v: bigint) => String((v + 1023n) / 1024n)
  const out: FieldOf[] = []
  const space = (field: string, node: string, how: 'limit' | 'used' | 'allocated') => {
    const x = q(node)
    if (!x) return
    const v = how === 'limit' ? x.limit : how === 'used' ? x.used : x.allocated
    if (v == null) return
    out.push({ field, node, meter: 'drive.space', how, unit: how === 'used' ? 'KB' : 'GB', value: how === 'used' ? kb(big(v)) : gb(big(v)) })
  }
  space('spaceCapacity', '/drive', 'limit')
  space('deptSpaceQuota', '/drive/dept', 'limit')
  space('personalSpaceQuota', '/drive/personal', 'limit')
  space('groupSpaceQuota', '/drive/group', 'limit')
  const [all, ...parts] = ['/drive', '/drive/dept', '/drive/personal', '/drive/group'].map((n) => q(n)?.limit)
  if (all != null) out.push({ field: 'reservedSpaceQuota', node: '/drive', meter: 'drive.space', how: 'rest', unit: 'GB', value: gb(big(all) - parts.reduce((a: bigint, p) => a + big(p), 0n)) })
  for (const n of ['dept', 'personal', 'group']) {
    space(`${n}SpaceUsed`, '/drive/' + n, 'used')
    space(`${n}SpaceQuotaUsed`, '/drive/' + n, 'allocated')
  }
  const seats = q('/drive', 'drive.users')
  if (seats) {
    out.push({ field: 'userCount', node: '/drive', meter: 'drive.users', how: 'used', unit: '1', value: String(seats.used) })
    if (seats.limit != null) out.push({ field: 'userMaxCount', node: '/drive', meter: 'drive.users', how: 'limit', unit: '1', value: String(seats.limit) })
  }
  for (const [field, key, fallback] of [['packageDownloadExpires', 'koodrive.package_download_expires', '7'], ['productType', 'koodrive.product_type', '1']] as const)
    out.push({ field, how: 'setting', unit: '', value: tenant.settings?.[key] ?? fallback, meter: key })
  return out
}

export function cloudFields(quotas: Quota[], node: string | undefined): FieldOf[] {
  return quotas
    .filter((q) => q.node === node)
    .map((q) => ({ field: q.meter, meter: q.meter, node: q.node, how: 'used' as const, unit: '', value: `${q.used} / ${q.limit == null ? '-1' : q.limit}` }))
}
