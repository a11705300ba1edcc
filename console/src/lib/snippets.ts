// The calls as text to copy. The tenant's own ids are in them; secrets are
// variables. What comes from outside is quoted for the language that it stands in.
import { alias, pathOf, queryOf, type Sent } from './vendors'

type Snippet = { name: string; text: string }

const inQuotes = (s: string) => s.replaceAll("'", `'\\''`)
/** A word for the shell, or the variable that stands for it. */
const word = (v: string | undefined, name: string) => (v ? `'${inQuotes(v)}'` : `"$${name}"`)
/** The inside of a JSON text within single quotes, or the variable that stands for it. */
const inJSON = (v: string | undefined, name: string) => (v ? inQuotes(JSON.stringify(v).slice(1, -1)) : `'"$${name}"'`)
/** A literal of Go, Python and Java, or where it is read from. */
const lit = (v: string | undefined, env: string) => (v ? JSON.stringify(v) : env)

const names: Record<string, string> = { uuid: 'ZSTACK_ORGANIZATION', project_id: 'HUAWEI_PROJECT_ID' }

/** The address of the call, as a word for the shell. */
function address(s: Sent): string {
  const vars = pathOf(s)
  const path = s.operation.path.replace(/\{(\w+)\}/g, (_, n: string) => (vars[n] ? inQuotes(encodeURIComponent(vars[n])) : `'"$${names[n]}"'`))
  const query = new URLSearchParams(queryOf(s)).toString()
  return `'${s.have.origin}${path}${query ? '?' + query : ''}'`
}

const aksk = (s: Sent) => s.have.keys.find((k) => k.kind === 'aksk' && !k.disabled)?.id
const project = (s: Sent) => s.values.project_id || undefined

export function meeting(s: Sent): Snippet[] {
  const { user, origin } = s.have
  return [
    { name: 'curl', text: `TOKEN=$(curl -s -u ${word(user, 'MEETING_ACCOUNT')}:"$MEETING_PASSWORD" ${origin}/v1/usg/acs/auth/account \\
  -H 'Content-Type: application/json; charset=UTF-8' \\
  -d '{"account":"${inJSON(user, 'MEETING_ACCOUNT')}","clientType":72}' | grep -o '"accessToken":"[^"]*"' | cut -d '"' -f 4)

curl -s ${address(s)} -H "X-Access-Token: $TOKEN"` },
    { name: 'Go', text: `package main

import (
	"fmt"
	"log"
	"os"

	meeting "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/meeting/v1"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/meeting/v1/model"
)

func main() {
	credentials := meeting.NewMeetingCredentialsBuilder().
		WithUserName(${lit(user, 'os.Getenv("MEETING_ACCOUNT")')}).
		WithUserPassword(os.Getenv("MEETING_PASSWORD")).
		Build()
	http, err := meeting.MeetingClientBuilder().
		WithEndpoint("${origin}").
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
    { name: 'Java', text: `// com.huaweicloud.sdk:huaweicloud-sdk-meeting
MeetingCredentials user = new MeetingCredentials()
    .withUserName(${lit(user, 'System.getenv("MEETING_ACCOUNT")')})
    .withUserPassword(System.getenv("MEETING_PASSWORD"))
    .withAuthType(AuthTypeEnum.ACCOUNT);
MeetingClient client = MeetingClient.newBuilder()
    .withCredential(user)
    .withEndpoint("${origin}")
    .build();
System.out.println(client.showOrgRes(new ShowOrgResRequest()));` },
  ]
}

export function koodrive(s: Sent): Snippet[] {
  return [{ name: 'curl', text: `curl -s ${address(s)} \\
  -H "Authorization: Bearer $KOODRIVE_TOKEN"` }]
}

export function zstack(s: Sent): Snippet[] {
  const { user, origin } = s.have
  const at = new URL(origin)
  const out = [{ name: 'curl', text: `SESSION=$(curl -s -X PUT ${origin}/zstack/v1/accounts/login \\
  -H 'Content-Type: application/json' \\
  -d '{"logInByAccount":{"accountName":"${inJSON(user, 'ZSTACK_ACCOUNT')}","password":"'"$(printf %s "$ZSTACK_PASSWORD" | sha512sum | cut -d ' ' -f 1)"'"}}' \\
  | grep -o '"uuid":"[^"]*"' | head -n 1 | cut -d '"' -f 4)

curl -s ${address(s)} \\
  -H "Authorization: OAuth $SESSION"` }]
  const query = queryOf(s)
  const action = s.operation.name + 'Action'
  const asked = s.operation.path.includes('{uuid}') ? `ask.uuid = ${lit(s.values.uuid, 'System.getenv("ZSTACK_ORGANIZATION")')};`
    : [...(query.q ? [`ask.conditions = java.util.Arrays.asList(${lit(query.q, '')});`] : []), ...(query.limit ? [`ask.limit = ${Number(query.limit)};`] : [])].join('\n')
  out.push({ name: 'Java', text: `// org.zstack:sdk
ZSClient.configure(new ZSConfig.Builder()
    .setHostname("${at.hostname}").setPort(${at.port || (at.protocol === 'https:' ? 443 : 80)}).setContextPath("zstack")
    .build());

byte[] digest = java.security.MessageDigest.getInstance("SHA-512").digest(System.getenv("ZSTACK_PASSWORD").getBytes("UTF-8"));
LogInByAccountAction login = new LogInByAccountAction();
login.accountName = ${lit(user, 'System.getenv("ZSTACK_ACCOUNT")')};
login.password = String.format("%0128x", new java.math.BigInteger(1, digest));
LogInByAccountAction.Result signedIn = login.call().throwExceptionIfError();

${action} ask = new ${action}();
${asked}${asked ? '\n' : ''}ask.sessionId = signedIn.value.inventory.uuid;
${action}.Result answer = ask.call().throwExceptionIfError();` })
  return out
}

const iamToken = (s: Sent) => `TOKEN=$(curl -s -D - -o /dev/null ${s.have.origin}/v3/auth/tokens \\
  -H 'Content-Type: application/json;charset=utf8' \\
  -d '{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"${inJSON(s.have.user, 'HUAWEI_USER')}","password":"'"$HUAWEI_PASSWORD"'","domain":{"name":"${inJSON(alias(s.have, 'huawei.domain'), 'HUAWEI_DOMAIN')}"}}}},"scope":{"project":{"id":"${inJSON(project(s), 'HUAWEI_PROJECT_ID')}"}}}}' \\
  | tr -d '\\r' | awk 'tolower($1) == "x-subject-token:" {print $2}')

curl -s ${address(s)} \\
  -H "X-Auth-Token: $TOKEN"`

/** camel is how Go's models name a parameter. */
const camel = (name: string) => name.replace(/(^|_)(\w)/g, (_, _dash, c: string) => c.toUpperCase())
const lowerCamel = (name: string) => camel(name).replace(/^./, (c) => c.toLowerCase())

interface Service {
  pkg: string // of the SDKs
  client: string // its class
  numbers: string[] // parameters that are numbers
  required: string[] // those that Go does not take by pointer
}

function huawei(s: Sent, of: Service): Snippet[] {
  const { name } = s.operation
  const query = Object.entries(queryOf(s))
  const value = (k: string, v: string) => (of.numbers.includes(k) ? String(Number(v)) : JSON.stringify(v))
  const pointers = query.filter(([k]) => !of.required.includes(k))
  const kinds = [...new Set(pointers.map(([k]) => (of.numbers.includes(k) ? 'int32' : 'string')))]
  const wide = Math.max(...query.map(([k]) => camel(k).length)) + 2 // as gofmt has it
  const go = query.map(([k, v]) => `		${`${camel(k)}:`.padEnd(wide)}${of.required.includes(k) ? value(k, v) : `${of.numbers.includes(k) ? 'int32p' : 'stringp'}(${value(k, v)})`},`)
  const python = query.map(([k, v]) => `${k}=${value(k, v)}`)
  const snake = name.replace(/[A-Z]/g, (c, i: number) => (i ? '_' : '') + c.toLowerCase())
  const builder = of.client + 'Builder'
  return [
    { name: 'curl', text: iamToken(s) },
    { name: 'Go', text: `package main

import (
	"fmt"
	"log"
	"os"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	service "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/${of.pkg}/v1"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/${of.pkg}/v1/model"
)
${kinds.map((k) => `\nfunc ${k}p(v ${k}) *${k} { return &v }\n`).join('')}
func main() {
	credentials, err := basic.NewCredentialsBuilder().
		WithAk(${lit(aksk(s), 'os.Getenv("HUAWEI_ACCESS_KEY")')}).
		WithSk(os.Getenv("HUAWEI_SECRET_KEY")).
		WithProjectId(${lit(project(s), 'os.Getenv("HUAWEI_PROJECT_ID")')}).
		SafeBuild()
	if err != nil {
		log.Fatal(err)
	}
	http, err := service.${builder}().
		WithEndpoint("${s.have.origin}").
		WithCredential(credentials).
		SafeBuild()
	if err != nil {
		log.Fatal(err)
	}
	answer, err := service.New${of.client}(http).${name}(&model.${name}Request{
${go.join('\n')}
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
}` },
    { name: 'Python', text: `# pip install huaweicloudsdk${of.pkg}
import os
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdk${of.pkg}.v1 import ${of.client}, ${name}Request

credentials = BasicCredentials(
    ${lit(aksk(s), 'os.environ["HUAWEI_ACCESS_KEY"]')}, os.environ["HUAWEI_SECRET_KEY"],
    ${lit(project(s), 'os.environ["HUAWEI_PROJECT_ID"]')})
client = ${of.client}.new_builder() \\
    .with_credentials(credentials) \\
    .with_endpoint("${s.have.origin}") \\
    .build()
print(client.${snake}(${name}Request(${python.length ? '\n    ' + python.join(',\n    ') : ''})))` },
    { name: 'Java', text: `// com.huaweicloud.sdk:huaweicloud-sdk-${of.pkg}
BasicCredentials credentials = new BasicCredentials()
    .withAk(${lit(aksk(s), 'System.getenv("HUAWEI_ACCESS_KEY")')})
    .withSk(System.getenv("HUAWEI_SECRET_KEY"))
    .withProjectId(${lit(project(s), 'System.getenv("HUAWEI_PROJECT_ID")')});
${of.client} client = ${of.client}.newBuilder()
    .withCredential(credentials)
    .withEndpoint("${s.have.origin}")
    .build();
System.out.println(client.${lowerCamel(name)}(new ${name}Request()${query.map(([k, v]) => `\n    .with${camel(k)}(${value(k, v)})`).join('')}));` },
  ]
}

export function rtc(s: Sent): Snippet[] {
  return huawei(s, { pkg: 'cloudrtc', client: 'CloudRTCClient', numbers: [], required: ['app', 'metric', 'start_date', 'end_date'] })
}

export function metastudio(s: Sent): Snippet[] {
  return huawei(s, { pkg: 'metastudio', client: 'MetaStudioClient', numbers: ['limit', 'offset'], required: ['resource_source'] })
}
