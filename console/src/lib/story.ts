// What an event counted towards, worked out from the meters as they are defined.
import type { Meter } from '../api/client'

export interface Counted {
  meter: Meter
  amount: string
  from: string // the path or constant it was read from
  groups: Record<string, string>
}

function pick(event: Record<string, unknown>, path: string): unknown {
  let at: unknown = event
  for (const part of path.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<string, unknown>)[part]
  }
  return at
}

export function countedBy(event: { type: string; subject?: string; data?: unknown }, meters: Meter[]): Counted[] {
  const e = event as unknown as Record<string, unknown>
  const out: Counted[] = []
  const groupsOf = (m: Meter) => Object.fromEntries(Object.entries(m.group_by ?? {}).map(([k, p]) => [k, String(pick(e, p) ?? '')]))
  if (event.type === 'usance.level' || event.type === 'usance.gauge') {
    const d = (event.data ?? {}) as Record<string, unknown>
    const meter = meters.find((m) => m.name === d.meter)
    const from = event.type === 'usance.level' ? 'delta' : 'value'
    return meter ? [{ meter, amount: String(d[from] ?? ''), from: 'data.' + from, groups: groupsOf(meter) }] : []
  }
  for (const meter of meters) {
    for (const s of meter.events ?? []) {
      if (s.type !== event.type) continue
      const how = s.amount ?? ''
      let amount = how
      if (meter.aggregation === 'unique') amount = how ? String(pick(e, how) ?? '') : (event.subject ?? '')
      else if (how === '') amount = '1'
      else if (!/^-?\d+$/.test(how)) {
        const v = String(pick(e, how.replace(/^-/, '')) ?? '')
        amount = how.startsWith('-') && v ? '-' + v : v
      }
      out.push({ meter, amount, from: how || (meter.aggregation === 'unique' ? 'subject' : '1'), groups: groupsOf(meter) })
    }
  }
  return out
}
