// Rows of usage made into series over windows.
import type { UsageRow } from '../api/client'
import { big } from '../api/exact'

export interface Series {
  key: string // the group's values, joined; '' without groups
  group: Record<string, string>
  values: bigint[]
  total: bigint
}

/** What tells the groups of rows apart: subject and group-by values. */
export function groupOf(row: UsageRow, by: string[]): Record<string, string> {
  const out: Record<string, string> = {}
  for (const k of by) out[k] = k === 'subject' ? (row.subject ?? '') : (row.groupBy[k] ?? '')
  return out
}

const keyOf = (g: Record<string, string>) => JSON.stringify(Object.values(g))

/** Puts each row into the window that begins at or before it. */
export function intoSeries(rows: UsageRow[], by: string[], starts: Date[], totals?: UsageRow[], standing = false): Series[] {
  const at = new Map(starts.map((s, i) => [s.getTime(), i]))
  const found = new Map<string, Series>()
  const of = (row: UsageRow) => {
    const group = groupOf(row, by)
    const key = keyOf(group)
    let s = found.get(key)
    if (!s) found.set(key, (s = { key, group, values: starts.map(() => 0n), total: 0n }))
    return s
  }
  for (const row of rows) {
    const begins = new Date(row.windowStart).getTime()
    let i = at.get(begins)
    if (i === undefined) {
      i = starts.findLastIndex((s) => s.getTime() <= begins)
      if (i < 0) continue
    }
    const s = of(row)
    s.values[i] = big(row.value)
    if (!totals && !standing) s.total += big(row.value)
  }
  if (totals) for (const row of totals) of(row).total = big(row.value)
  if (!found.size && !by.length) found.set('[]', { key: '[]', group: {}, values: starts.map(() => 0n), total: 0n })
  return [...found.values()].sort((a, b) => (b.total > a.total ? 1 : b.total < a.total ? -1 : a.key.localeCompare(b.key)))
}

/** The first so many series, and what the others have together. */
export function top(list: Series[], most: number): { shown: Series[]; others?: Series } {
  if (list.length <= most) return { shown: list }
  const rest = list.slice(most - 1)
  const others: Series = { key: '*', group: {}, values: list[0]!.values.map(() => 0n), total: 0n }
  for (const s of rest) {
    s.values.forEach((v, i) => (others.values[i]! += v))
    others.total += s.total
  }
  return { shown: list.slice(0, most - 1), others }
}

/** The unit that an axis is drawn in, so that its ticks are round. */
export function axisUnit(max: bigint, unit: string): { size: number; name: string } {
  const m = max < 0n ? -max : max
  if (unit === 'B') {
    const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']
    let i = 0
    while (i < names.length - 1 && m >= 1n << BigInt(10 * (i + 1))) i++
    return { size: 2 ** (10 * i), name: names[i]! }
  }
  if (unit === 's') return m >= 7200n ? { size: 3600, name: 'h' } : m >= 180n ? { size: 60, name: 'min' } : { size: 1, name: 's' }
  return { size: 1, name: unit === '1' ? '' : unit }
}
