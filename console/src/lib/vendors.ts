// The five vendors' calls as this tenant's own clients make them: what they take,
// curl, the vendors' SDKs, and where each field of the answer comes from.
import type { Key as KeyOf, Node, Tenant } from '../api/client'
import type { components, operations } from '../api/schema'
import * as code from './snippets'

type Schemas = components['schemas']
export type ExplainedField = Schemas['ExplainedField']
export type Explanation = Schemas['Explanation']
export type Ask = NonNullable<operations['explain']['parameters']['query']>
export type FacadeAnswer = Schemas['FacadeAnswer']

/** What is known of the tenant. */
export interface Have {
  tenant: Tenant
  nodes: Node[]
  keys: KeyOf[]
  user?: string // whose password a snippet may use
  origin: string
  now: number
}

export type Values = Record<string, string>

/** A parameter of a call, with the tenant's own value to begin with. */
export interface Param {
  name: string
  path?: boolean
  kind?: 'date' | 'number'
  value: string
  options?: { value: string; text: string }[] // to choose from; others may be typed
  alias?: string // that a node or the tenant must have
}

export interface Operation {
  name: string
  path: string
  fixed?: Values // of the query
  params: (h: Have) => Param[]
  /** What explain is asked for the same answer; undefined where it has no numbers. */
  ask?: (v: Values) => Ask | undefined
  /** The field and row of explain at a place of the answer. */
  at?: (path: (string | number)[], answer: unknown) => { field: string; row?: Values } | undefined
}

export interface Vendor {
  id: 'meeting' | 'koodrive' | 'zstack' | 'rtc' | 'metastudio'
  facade: Ask['facade']
  name: string
  operations: Operation[]
  snippets: (s: Sent) => { name: string; text: string }[]
}

/** A call with its values, as it is about to be made. */
export interface Sent {
  have: Have
  operation: Operation
  values: Values
}

/** What an alias names, across the tree. */
export function aliases(h: Have, kind: string): { value: string; text: string }[] {
  const own = h.tenant.aliases?.[kind]
  const out = h.nodes.flatMap((n) => (n.aliases?.[kind] ? [{ value: n.aliases[kind], text: n.name || n.path }] : []))
  return own && !out.some((o) => o.value === own) ? [{ value: own, text: h.tenant.name || h.tenant.id }, ...out] : out
}
export const alias = (h: Have, kind: string): string | undefined => aliases(h, kind)[0]?.value

const named = (h: Have, name: string, kind: string, path = false): Param => {
  const options = aliases(h, kind)
  return { name, path, value: options[0]?.value ?? '', options, alias: kind }
}
const day = (h: Have, ago: number) => new Date(h.now - ago * 86_400_000).toISOString().slice(0, 10)
const second = (ms: number) => new Date(ms).toISOString().slice(0, 19) + 'Z'
const text = (name: string, value = '', options?: string[]): Param => ({ name, value, options: options?.map((o) => ({ value: o, text: '' })) })
/** The parameters that were given a value. */
const given = (v: Values, ...names: string[]): Values => Object.fromEntries(names.filter((n) => v[n]).map((n) => [n, v[n]!]))

type Rows = Record<string, Values[] | undefined> | null
const row = (answer: unknown, list: string, i: string | number | undefined) => (answer as Rows)?.[list]?.[Number(i)]

const modes = ['PERIODIC', 'ONE_TIME', 'ON_DEMAND']
const expiring = (h: Have): Param[] => [
  named(h, 'project_id', 'huawei.project', true), text('business'),
  text('resource_expire_start_time', second(h.now)), text('resource_expire_end_time', second(h.now + 7 * 86_400_000)),
]
const queried = (q = ''): Param[] => [text('q', q), { name: 'limit', kind: 'number', value: '20' }]

export const vendors: Vendor[] = [
  {
    id: 'meeting', facade: 'meeting', name: 'Huawei Cloud Meeting', snippets: code.meeting,
    operations: [{
      name: 'ShowOrgRes', path: '/v1/mmc/management/orgRes', params: () => [], ask: () => ({ facade: 'meeting' }),
      at: (p) => (p.length === 1 ? { field: String(p[0]) } : undefined),
    }],
  },
  {
    id: 'koodrive', facade: 'koodrive', name: 'KooDrive', snippets: code.koodrive,
    operations: [{
      name: 'GetQuotaUsed', path: '/koodrive/ose/v1/service/quotaUsed', params: () => [], ask: () => ({ facade: 'koodrive' }),
      at: (p) => (p.length === 2 && p[0] === 'data' ? { field: String(p[1]) } : undefined),
    }],
  },
  {
    id: 'zstack', facade: 'zstack', name: 'ZStack', snippets: code.zstack,
    operations: [
      {
        name: 'GetOrganizationQuotaUsage', path: '/zstack/v1/iam2/organizations/quota/{uuid}/usages',
        params: (h) => [named(h, 'uuid', 'zstack.organization', true)], ask: (v) => (v.uuid ? { facade: 'zstack', uuid: v.uuid } : undefined),
        at: (p, a) => (p[0] === 'usages' && (p[2] === 'total' || p[2] === 'used') ? { field: `${row(a, 'usages', p[1])?.name}.${p[2]}` } : undefined),
      },
      {
        name: 'QueryQuota', path: '/zstack/v1/accounts/quotas', params: (h) => queried(`identityUuid=${alias(h, 'zstack.organization') ?? ''}`),
        ask: (v) => (/^identityUuid=[^,]+$/.test(v.q ?? '') ? { facade: 'zstack', uuid: v.q!.slice(13) } : undefined),
        at: (p, a) => (p[0] === 'inventories' && p[2] === 'value' ? { field: `${row(a, 'inventories', p[1])?.name}.value` } : undefined),
      },
      { name: 'QueryIAM2Organization', path: '/zstack/v1/iam2/organizations', params: () => queried() },
      { name: 'QueryIAM2Project', path: '/zstack/v1/iam2/projects', params: () => queried() },
    ],
  },
  {
    id: 'rtc', facade: 'cloudrtc', name: 'Huawei Cloud RTC', snippets: code.rtc,
    operations: [{
      name: 'ListRtcHistoryUsage', path: '/v1/{project_id}/rtc/history/usage', fixed: { metric: 'CommunicationDuration' },
      params: (h) => [named(h, 'project_id', 'huawei.project', true), named(h, 'app', 'rtc.app'),
        { name: 'start_date', kind: 'date', value: day(h, 7) }, { name: 'end_date', kind: 'date', value: day(h, 1) }],
      ask: (v) => (v.project_id && v.app ? { facade: 'cloudrtc', ...given(v, 'project_id', 'app', 'start_date', 'end_date') } : undefined),
      at: (p, a) => (p[0] === 'usage' && p.length === 3 ? { field: String(p[2]), row: { date: row(a, 'usage', p[1])?.date ?? '' } } : undefined),
    }],
  },
  {
    id: 'metastudio', facade: 'metastudio', name: 'MetaStudio', snippets: code.metastudio,
    operations: [
      {
        name: 'CountTenantResources', path: '/v1/{project_id}/tenants/resources-count', params: expiring,
        ask: (v) => (v.project_id ? { facade: 'metastudio', ...given(v, 'project_id', 'business', 'resource_expire_start_time', 'resource_expire_end_time') } : undefined),
        at: (p, a) => {
          const r = p[0] === 'resources_count' && p[2] === 'count' ? row(a, 'resources_count', p[1]) : undefined
          return r && { field: 'resources_count.count', row: given(r, 'business_type', 'charging_mode', 'resource_source') }
        },
      },
      {
        name: 'ListTenantResources', path: '/v1/{project_id}/tenants/resources',
        params: (h) => [...expiring(h), text('charging_mode', '', modes), text('resource_source', '', ['PURCHASED', 'SP_ALLOCATED', 'ADMIN_ALLOCATED']),
          { name: 'limit', kind: 'number', value: '10' }, { name: 'offset', kind: 'number', value: '' }],
        ask: (v) => (v.project_id ? { facade: 'metastudio', ...given(v, 'project_id', 'business', 'resource_expire_start_time', 'resource_expire_end_time', 'charging_mode', 'resource_source', 'limit', 'offset') } : undefined),
        at: (p, a) => (p.length === 1 ? { field: String(p[0]) }
          : p[0] === 'resources' && p.length === 3 ? { field: `resources.${p[2]}`, row: given(row(a, 'resources', p[1]) ?? {}, 'resource_id') } : undefined),
      },
    ],
  },
]

/** The query parameters that a call is sent with. */
export const queryOf = (s: Sent): Values => ({ ...s.operation.fixed, ...given(s.values, ...s.operation.params(s.have).filter((p) => !p.path).map((p) => p.name)) })

/** The variables of its path. */
export const pathOf = (s: Sent): Values => Object.fromEntries(s.operation.params(s.have).filter((p) => p.path).map((p) => [p.name, s.values[p.name] ?? '']))

/** Aliases without which a client cannot name what it asks about. */
export const missing = (h: Have, o: Operation): string[] => o.params(h).flatMap((p) => (p.alias && !p.value ? [p.alias] : []))

/** A field's name within the answer; rows of an answer are told apart by what names them. */
export const rowName = (f: Pick<ExplainedField, 'field' | 'row'>): string => {
  const own = f.field === 'resources_count.count' ? [] : [f.row ? f.field.slice(f.field.lastIndexOf('.') + 1) : f.field]
  return [...own, ...Object.values(f.row ?? {})].join(' · ')
}
