// What pages ask, in the API's own calls.
import { all, api, ok, type Meter, type Node, type Quota, type Resource, type UsageRow } from '../api/client'
import { big } from '../api/exact'
import { startOfDay } from './zone'

export const stands = (aggregation: string) => aggregation === 'level' || aggregation === 'gauge'
/** Whether a meter's windows add up to the whole: the others must be asked for. */
export const adds = (aggregation: string) => aggregation === 'count' || aggregation === 'sum'

export async function meters(tenant: string, signal?: AbortSignal): Promise<Meter[]> {
  return (await all((cursor) => ok(api.GET('/api/v1/meters', { params: { query: { tenant, cursor } }, signal })))).items
}

export async function nodes(tenant: string, signal?: AbortSignal): Promise<Node[]> {
  return (await all((cursor) => ok(api.GET('/api/v1/nodes', { params: { query: { tenant, cursor } }, signal })))).items
}

export async function quotas(tenant: string, signal?: AbortSignal, meter?: string, known?: string): Promise<Quota[]> {
  return (await all((cursor) => ok(api.GET('/api/v1/quotas', { params: { query: { tenant, recursive: true, meter, cursor, known_at: known } }, signal })))).items
}

export interface ResourceFilter {
  business_type?: string[]
  charging_mode?: string[]
  source?: string[]
  expires_from?: string
  expires_to?: string
  node?: string
  recursive?: boolean
}

export async function resources(tenant: string, filter: ResourceFilter, signal?: AbortSignal, most = 5000) {
  return all<Resource>((cursor) => ok(api.GET('/api/v1/resources', { params: { query: { tenant, cursor, ...filter } }, signal })) as Promise<{ items: Resource[]; next?: string; total?: number }>, most)
}

export async function countResources(tenant: string, filter: ResourceFilter, groupBy: string[] = [], signal?: AbortSignal) {
  return ok(api.GET('/api/v1/resources/count', { params: { query: { tenant, ...filter, group_by: groupBy.length ? groupBy : undefined } }, signal }))
}

export interface Ask {
  from?: Date
  to?: Date
  window?: 'HOUR' | 'DAY' | 'MONTH'
  zone?: string
  groupBy?: string[]
  subject?: string[]
  filter?: Record<string, string>
  node?: string
  known?: string // as known at this time
}

export async function usage(tenant: string, meter: string, ask: Ask, signal?: AbortSignal): Promise<UsageRow[]> {
  const answer = await ok(
    api.GET('/api/v1/meters/{meter}/query', {
      params: {
        path: { meter },
        query: {
          tenant, from: ask.from?.toISOString(), to: ask.to?.toISOString(), windowSize: ask.window, windowTimeZone: ask.window && ask.zone,
          groupBy: ask.groupBy?.length ? ask.groupBy : undefined, subject: ask.subject?.length ? ask.subject : undefined,
          filterGroupBy: ask.filter && Object.keys(ask.filter).length ? ask.filter : undefined, node: ask.node || undefined, known_at: ask.known,
        },
      },
      signal,
    }),
  )
  return (answer as { data: UsageRow[] }).data
}

export interface Today {
  meter: Meter
  now: bigint
  before: bigint // yesterday up to the same time, or what stood then
  days: number[] // the last 14 days, for a small curve
}

/** A meter's day so far, beside yesterday's up to the same time. */
export async function today(tenant: string, meter: Meter, zone: string, now: number, signal?: AbortSignal): Promise<Today> {
  const first = startOfDay(now, zone, -13)
  const then = new Date(now - 86_400_000)
  const standing = stands(meter.aggregation)
  const [days, before] = await Promise.all([
    usage(tenant, meter.name, { from: first, to: startOfDay(now, zone, 1), window: 'DAY', zone }, signal),
    usage(tenant, meter.name, standing ? { to: then } : { from: startOfDay(now, zone, -1), to: then }, signal),
  ])
  const starts = Array.from({ length: 14 }, (_, i) => startOfDay(first, zone, i).getTime())
  const values = new Map(days.map((r) => [new Date(r.windowStart).getTime(), big(r.value)]))
  return {
    meter,
    now: values.get(starts[13]!) ?? 0n,
    before: big(before[0]?.value),
    days: starts.map((s) => Number(values.get(s) ?? 0n)),
  }
}

/** How full a quota is: used and reserved over its limit. */
export function fullness(q: Pick<Quota, 'limit' | 'used' | 'reserved'>): number | undefined {
  if (q.limit == null) return undefined
  const taken = (big(q.used) > 0n ? big(q.used) : 0n) + big(q.reserved)
  const limit = big(q.limit)
  if (limit === 0n) return taken > 0n ? Infinity : undefined
  return Number((taken * 1_000_000n) / limit) / 1_000_000
}
