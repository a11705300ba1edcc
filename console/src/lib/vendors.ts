// The five vendors' calls as this tenant's own clients make them: curl, the
// vendor's SDK, and where each field of the answer comes from.
import type { Key as KeyOf, Node, Tenant } from '../api/client'
import type { components, operations } from '../api/schema'

type Schemas = components['schemas']

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

const second = (ms: number) => new Date(ms).toISOString().slice(0, 19) + 'Z'

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

curl -s '${h.origin}/v1/${or(alias(h, 'huawei.project'), 'HUAWEI_PROJECT_ID')}/tenants/resources-count?resource_expire_start_time=${second(h.now)}&resource_expire_end_time=${second(h.now + 7 * 86_400_000)}' \\
  -H "X-Auth-Token: $TOKEN"`,
    sdk: { name: 'Go SDK v3', code: (h) => goClient(h, 'studio', 'metastudio', 'MetaStudioClientBuilder', `	answer, err := studio.NewMetaStudioClient(http).CountTenantResources(&model.CountTenantResourcesRequest{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)`) },
  },
]

export type ExplainedField = Schemas['ExplainedField']
export type Explanation = Schemas['Explanation']
type Ask = NonNullable<operations['explain']['parameters']['query']>

/** What explain is asked for the call that the command makes, and the call's own name there. */
export function explainOf(id: Vendor['id'], h: Have): { query: Ask; call: string; field?: string } {
  switch (id) {
    case 'meeting':
      return { query: { facade: 'meeting' }, call: '/orgRes' }
    case 'koodrive':
      return { query: { facade: 'koodrive' }, call: '/quotaUsed' }
    case 'zstack':
      return { query: { facade: 'zstack', uuid: alias(h, 'zstack.organization') }, call: '/usages' }
    case 'rtc':
      return { query: { facade: 'cloudrtc', app: alias(h, 'rtc.app'), start_date: dates(h)[1], end_date: dates(h)[1] }, call: '/usage' }
    case 'metastudio':
      return { query: { facade: 'metastudio', field: 'resources_count.count', resource_expire_start_time: second(h.now), resource_expire_end_time: second(h.now + 7 * 86_400_000) }, call: '/resources-count' }
  }
}

/** A field's name within the answer; rows of an answer are told apart by what names them. */
export const rowName = (f: ExplainedField): string => (f.row && f.field.includes('.') ? Object.values(f.row).join(' · ') : f.field)
