// The kinds of definitions: how each is listed, asked for, previewed and stored.
import { all, api, ok } from '../api/client'
import type { Key } from '../i18n/index.svelte'
import { parseLimit, typed } from './format'

export type Row = Record<string, unknown>
export type Values = Record<string, string | boolean>

export interface Field {
  name: string
  label: Key
  type: 'text' | 'password' | 'select' | 'check' | 'date' | 'map' | 'lines'
  options?: string[]
  optionPrefix?: string
  hint?: Key
  fixed?: boolean // part of the name: not changed once made
  required?: boolean
  fresh?: boolean // asked for new ones alone
  list?: 'nodes' | 'users' | 'meters' | 'zones'
}

export interface Kind {
  id: string
  manage: boolean // only those who manage may see it
  columns: { label: Key; of: (r: Row) => string; kind?: 'code' | 'chip' | 'limit' | 'time' }[]
  fields: Field[]
  list: (tenant: string, signal: AbortSignal) => Promise<Row[]>
  name: (r: Row) => string
  values: (r: Row | undefined, unit?: string) => Values
  manifest: (v: Values, old: Row | undefined) => Row
  save: (tenant: string, v: Values, old: Row | undefined) => Promise<string | undefined> // a secret that was made
  remove?: (tenant: string, r: Row) => Promise<void>
  fixed?: (r: Row) => boolean // cannot be changed
}

const text = (v: unknown) => (v === undefined || v === null ? '' : String(v))
const or = (v: string | boolean | undefined) => (typeof v === 'string' && v.trim() ? v.trim() : undefined)
const list = async (page: (cursor?: string) => Promise<{ items: unknown[]; next?: string }>) => (await all(page as never)).items as Row[]

/** "key = value" lines as a map. */
export function readMap(v: string | boolean | undefined): Record<string, string> {
  const out: Record<string, string> = {}
  for (const line of String(v ?? '').split('\n')) {
    const i = line.indexOf('=')
    const k = (i < 0 ? line : line.slice(0, i)).trim()
    if (k) out[k] = i < 0 ? '' : line.slice(i + 1).trim()
  }
  return out
}
export const writeMap = (m: unknown) => Object.entries((m as Record<string, string>) ?? {}).map(([k, v]) => `${k} = ${v}`).join('\n')

/** A map as a manifest has it, where null takes a member out. */
function merged(now: Record<string, string>, before: unknown): Record<string, string | null> {
  const out: Record<string, string | null> = { ...now }
  for (const k of Object.keys((before as Record<string, string>) ?? {})) if (!(k in now)) out[k] = null
  return out
}

/** "type, amount" lines as the events that feed a meter. */
function readSources(v: string | boolean | undefined): { type: string; amount?: string }[] {
  return String(v ?? '').split('\n').map((l) => l.trim()).filter(Boolean).map((l) => {
    const [type, amount] = l.split(/\s*[,=]\s*|\s+/)
    return amount ? { type: type!, amount } : { type: type! }
  })
}

const nodeBody = (v: Values) => ({ path: text(v.path).trim(), name: or(v.name), carved: !!v.carved, aliases: readMap(v.aliases) })
const quotaBody = (v: Values) => ({ node: text(v.node).trim(), meter: text(v.meter), limit: parseLimit(text(v.limit)) as never, window: v.window as never, enforce: v.enforce as never, guarantee: (parseLimit(text(v.guarantee)) ?? 0) as never })
const meterBody = (v: Values) => ({ name: text(v.name).trim(), unit: text(v.unit).trim(), aggregation: v.aggregation as never, events: readSources(v.events), group_by: readMap(v.group_by) })
const userBody = (v: Values) => ({ name: text(v.name).trim(), role: v.role as never, subtree: or(v.subtree), disabled: !!v.disabled, password: or(v.password) })
const keyBody = (v: Values) => ({ kind: v.kind as never, id: text(v.id).trim(), user: text(v.user).trim(), disabled: !!v.disabled, secret: or(v.secret) })
const tokenBody = (v: Values) => ({ name: text(v.name).trim(), role: v.role as never, subtree: or(v.subtree), expires: or(v.expires) ? new Date(String(v.expires) + 'T00:00:00Z').toISOString() : undefined, enforce: !!v.enforce })
const tenantBody = (v: Values) => ({ name: or(v.name), timezone: text(v.timezone).trim(), carved: !!v.carved, aliases: readMap(v.aliases), settings: readMap(v.settings) })

const roles = ['admin', 'member', 'viewer', 'ingester']

export const kinds: Kind[] = [
  {
    id: 'quotas', manage: false, name: (r) => `${text(r.node)} · ${text(r.meter)}`,
    columns: [{ label: 'node', of: (r) => text(r.node), kind: 'code' }, { label: 'meter', of: (r) => text(r.meter) }, { label: 'limit', of: () => '', kind: 'limit' }, { label: 'window', of: (r) => `window.${text(r.window)}`, kind: 'chip' }, { label: 'enforce', of: (r) => `enforce.${text(r.enforce)}`, kind: 'chip' }],
    fields: [
      { name: 'node', label: 'node', type: 'text', list: 'nodes', fixed: true, required: true }, { name: 'meter', label: 'meter', type: 'text', list: 'meters', fixed: true, required: true },
      { name: 'limit', label: 'limit', type: 'text', required: true, hint: 'hint.limit' },
      { name: 'window', label: 'window', type: 'select', options: ['lifetime', 'day', 'month'], optionPrefix: 'window.' }, { name: 'enforce', label: 'enforce', type: 'select', options: ['hard', 'soft', 'shadow'], optionPrefix: 'enforce.', hint: 'hint.enforce' },
      { name: 'guarantee', label: 'guarantee', type: 'text', hint: 'hint.guarantee' },
    ],
    list: (tenant, signal) => list((cursor) => ok(api.GET('/api/v1/quotas', { params: { query: { tenant, recursive: true, cursor } }, signal }))),
    values: (r, unit) => ({ node: text(r?.node ?? '/'), meter: text(r?.meter), limit: r ? typed((r.base ?? r.limit) as never, unit ?? '1') : '', window: text(r?.window ?? 'lifetime'), enforce: text(r?.enforce ?? 'hard'), guarantee: r?.guarantee ? typed(r.guarantee as never, unit ?? '1') : '' }),
    manifest: (v) => { const b = quotaBody(v); return { quotas: [{ ...b, limit: b.limit === null ? 'unlimited' : b.limit }] } },
    save: async (tenant, v) => { await ok(api.PUT('/api/v1/quotas', { params: { query: { tenant } }, body: quotaBody(v) })); return undefined },
    remove: async (tenant, r) => { await ok(api.DELETE('/api/v1/quotas', { params: { query: { tenant, node: text(r.node), meter: text(r.meter) } } })) },
  },
  {
    id: 'nodes', manage: false, name: (r) => text(r.path),
    columns: [{ label: 'node.path', of: (r) => text(r.path), kind: 'code' }, { label: 'name', of: (r) => text(r.name) }, { label: 'aliases', of: (r) => Object.entries((r.aliases as Record<string, string>) ?? {}).map(([k, v]) => `${k} = ${v}`).join(', ') }, { label: 'carved', of: (r) => (r.carved ? 'yes' : ''), kind: 'chip' }],
    fields: [{ name: 'path', label: 'node.path', type: 'text', fixed: true, required: true, hint: 'hint.path' }, { name: 'name', label: 'name', type: 'text' }, { name: 'carved', label: 'carved', type: 'check', hint: 'hint.carved' }, { name: 'aliases', label: 'aliases', type: 'map', hint: 'hint.aliases' }],
    list: (tenant, signal) => list((cursor) => ok(api.GET('/api/v1/nodes', { params: { query: { tenant, cursor } }, signal }))),
    values: (r) => ({ path: text(r?.path ?? '/'), name: text(r?.name), carved: !!r?.carved, aliases: writeMap(r?.aliases) }),
    manifest: (v, old) => ({ nodes: [{ ...nodeBody(v), name: nodeBody(v).name ?? '', aliases: merged(readMap(v.aliases), old?.aliases) }] }),
    save: async (tenant, v) => { await ok(api.PUT('/api/v1/nodes', { params: { query: { tenant } }, body: nodeBody(v) })); return undefined },
    remove: async (tenant, r) => { await ok(api.DELETE('/api/v1/nodes', { params: { query: { tenant, node: text(r.path) } } })) },
    fixed: (r) => r.path === '/',
  },
  {
    id: 'meters', manage: false, name: (r) => text(r.name),
    columns: [{ label: 'name', of: (r) => text(r.name), kind: 'code' }, { label: 'unit', of: (r) => text(r.unit) }, { label: 'aggregation', of: (r) => `agg.${text(r.aggregation)}`, kind: 'chip' }, { label: 'meter.events', of: (r) => ((r.events as { type: string }[]) ?? []).map((e) => e.type).join(', ') }, { label: 'meter.groups', of: (r) => Object.keys((r.group_by as object) ?? {}).join(', ') }, { label: 'meter.builtin', of: (r) => (r.built_in ? 'yes' : ''), kind: 'chip' }],
    fields: [
      { name: 'name', label: 'name', type: 'text', fixed: true, required: true }, { name: 'unit', label: 'unit', type: 'text', required: true, hint: 'hint.unit' },
      { name: 'aggregation', label: 'aggregation', type: 'select', options: ['sum', 'count', 'unique', 'level', 'gauge', 'min', 'max', 'average'], optionPrefix: 'agg.', fixed: true },
      { name: 'events', label: 'meter.events', type: 'lines', hint: 'hint.events' }, { name: 'group_by', label: 'meter.groups', type: 'map', hint: 'hint.groups' },
    ],
    list: (tenant, signal) => list((cursor) => ok(api.GET('/api/v1/meters', { params: { query: { tenant, cursor } }, signal }))),
    values: (r) => ({ name: text(r?.name), unit: text(r?.unit ?? '1'), aggregation: text(r?.aggregation ?? 'sum'), events: ((r?.events as { type: string; amount?: string }[]) ?? []).map((e) => (e.amount ? `${e.type}, ${e.amount}` : e.type)).join('\n'), group_by: writeMap(r?.group_by) }),
    manifest: (v) => ({ meters: [meterBody(v)] }),
    save: async (tenant, v, old) => {
      const body = meterBody(v)
      if (old) await ok(api.PUT('/api/v1/meters/{meter}', { params: { path: { meter: body.name }, query: { tenant } }, body }))
      else await ok(api.POST('/api/v1/meters', { params: { query: { tenant } }, body }))
      return undefined
    },
    remove: async (tenant, r) => { await ok(api.DELETE('/api/v1/meters/{meter}', { params: { path: { meter: text(r.name) }, query: { tenant } } })) },
    fixed: (r) => !!r.built_in,
  },
  {
    id: 'users', manage: true, name: (r) => text(r.name),
    columns: [{ label: 'name', of: (r) => text(r.name) }, { label: 'role', of: (r) => `role.${text(r.role)}`, kind: 'chip' }, { label: 'subtree', of: (r) => text(r.subtree ?? '/'), kind: 'code' }, { label: 'disabled', of: (r) => (r.disabled ? 'yes' : ''), kind: 'chip' }, { label: 'created', of: (r) => text(r.created), kind: 'time' }],
    fields: [{ name: 'name', label: 'name', type: 'text', fixed: true, required: true }, { name: 'role', label: 'role', type: 'select', options: roles, optionPrefix: 'role.' }, { name: 'subtree', label: 'subtree', type: 'text', list: 'nodes', hint: 'hint.subtree' }, { name: 'password', label: 'password', type: 'password', hint: 'hint.password' }, { name: 'disabled', label: 'disabled', type: 'check', hint: 'hint.disabled' }],
    list: (tenant, signal) => list((cursor) => ok(api.GET('/api/v1/users', { params: { query: { tenant, cursor } }, signal }))),
    values: (r) => ({ name: text(r?.name), role: text(r?.role ?? 'viewer'), subtree: text(r?.subtree), password: '', disabled: !!r?.disabled }),
    manifest: (v) => ({ users: [userBody(v)] }),
    save: async (tenant, v, old) => {
      const body = userBody(v)
      if (old) await ok(api.PUT('/api/v1/users/{name}', { params: { path: { name: body.name }, query: { tenant } }, body }))
      else await ok(api.POST('/api/v1/users', { params: { query: { tenant } }, body }))
      return undefined
    },
    remove: async (tenant, r) => { await ok(api.DELETE('/api/v1/users/{name}', { params: { path: { name: text(r.name) }, query: { tenant } } })) },
  },
  {
    id: 'keys', manage: true, name: (r) => `${text(r.kind)} ${text(r.id)}`,
    columns: [{ label: 'key.kind', of: (r) => `key.${text(r.kind)}`, kind: 'chip' }, { label: 'key.id', of: (r) => text(r.id), kind: 'code' }, { label: 'key.user', of: (r) => text(r.user) }, { label: 'disabled', of: (r) => (r.disabled ? 'yes' : ''), kind: 'chip' }, { label: 'created', of: (r) => text(r.created), kind: 'time' }],
    fields: [{ name: 'kind', label: 'key.kind', type: 'select', options: ['aksk', 'app', 'zstack'], optionPrefix: 'key.', fixed: true }, { name: 'id', label: 'key.id', type: 'text', fixed: true, required: true }, { name: 'user', label: 'key.user', type: 'text', list: 'users', required: true, hint: 'hint.keyuser' }, { name: 'secret', label: 'secret', type: 'password', hint: 'hint.secret' }, { name: 'disabled', label: 'disabled', type: 'check' }],
    list: (tenant, signal) => list((cursor) => ok(api.GET('/api/v1/keys', { params: { query: { tenant, cursor } }, signal }))),
    values: (r) => ({ kind: text(r?.kind ?? 'aksk'), id: text(r?.id), user: text(r?.user), secret: '', disabled: !!r?.disabled }),
    manifest: (v) => ({ keys: [keyBody(v)] }),
    save: async (tenant, v, old) => {
      const body = keyBody(v)
      const made = old
        ? await ok(api.PUT('/api/v1/keys/{kind}/{id}', { params: { path: { kind: body.kind, id: body.id }, query: { tenant } }, body }))
        : await ok(api.POST('/api/v1/keys', { params: { query: { tenant } }, body }))
      return made.secret
    },
    remove: async (tenant, r) => { await ok(api.DELETE('/api/v1/keys/{kind}/{id}', { params: { path: { kind: text(r.kind), id: text(r.id) }, query: { tenant } } })) },
  },
  {
    id: 'tokens', manage: true, name: (r) => text(r.name),
    columns: [{ label: 'name', of: (r) => text(r.name) }, { label: 'role', of: (r) => `role.${text(r.role)}`, kind: 'chip' }, { label: 'subtree', of: (r) => text(r.subtree ?? '/'), kind: 'code' }, { label: 'token.enforce', of: (r) => (r.enforce ? 'yes' : ''), kind: 'chip' }, { label: 'expires', of: (r) => text(r.expires), kind: 'time' }, { label: 'created', of: (r) => text(r.created), kind: 'time' }],
    fields: [{ name: 'name', label: 'name', type: 'text', fixed: true, required: true }, { name: 'role', label: 'role', type: 'select', options: roles, optionPrefix: 'role.' }, { name: 'subtree', label: 'subtree', type: 'text', list: 'nodes', hint: 'hint.subtree' }, { name: 'expires', label: 'expires', type: 'date', hint: 'expires.empty' }, { name: 'enforce', label: 'token.enforce', type: 'check', hint: 'hint.tokenenforce' }],
    list: (tenant, signal) => list((cursor) => ok(api.GET('/api/v1/tokens', { params: { query: { tenant, cursor } }, signal }))),
    values: (r) => ({ name: text(r?.name), role: text(r?.role ?? 'viewer'), subtree: text(r?.subtree), expires: text(r?.expires).slice(0, 10), enforce: !!r?.enforce }),
    manifest: (v) => ({ tokens: [tokenBody(v)] }),
    save: async (tenant, v, old) => {
      const body = tokenBody(v)
      const made = old
        ? await ok(api.PUT('/api/v1/tokens/{name}', { params: { path: { name: body.name }, query: { tenant } }, body }))
        : await ok(api.POST('/api/v1/tokens', { params: { query: { tenant } }, body }))
      return made.secret
    },
    remove: async (tenant, r) => { await ok(api.DELETE('/api/v1/tokens/{name}', { params: { path: { name: text(r.name) }, query: { tenant } } })) },
  },
  {
    id: 'tenant', manage: false, name: (r) => text(r.id),
    columns: [{ label: 'name', of: (r) => text(r.name) }, { label: 'timezone', of: (r) => text(r.timezone) }, { label: 'aliases', of: (r) => writeMap(r.aliases).replaceAll('\n', ', ') }, { label: 'settings', of: (r) => writeMap(r.settings).replaceAll('\n', ', ') }],
    fields: [{ name: 'name', label: 'name', type: 'text' }, { name: 'timezone', label: 'timezone', type: 'text', list: 'zones', required: true, hint: 'hint.zone' }, { name: 'carved', label: 'carved', type: 'check', hint: 'hint.carved' }, { name: 'aliases', label: 'aliases', type: 'map', hint: 'hint.aliases' }, { name: 'settings', label: 'settings', type: 'map' }],
    list: async (tenant, signal) => [(await ok(api.GET('/api/v1/tenants/{tenant}', { params: { path: { tenant } }, signal }))) as Row],
    values: (r) => ({ name: text(r?.name), timezone: text(r?.timezone), carved: !!r?.carved, aliases: writeMap(r?.aliases), settings: writeMap(r?.settings) }),
    manifest: (v, old) => { const b = tenantBody(v); return { ...b, name: b.name ?? '', aliases: merged(b.aliases, old?.aliases), settings: merged(b.settings, old?.settings) } },
    save: async (tenant, v) => { await ok(api.PUT('/api/v1/tenants/{tenant}', { params: { path: { tenant } }, body: { id: tenant, ...tenantBody(v) } })); return undefined },
  },
]
