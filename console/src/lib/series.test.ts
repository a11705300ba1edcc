import { expect, test } from 'vitest'
import type { UsageRow } from '../api/client'
import { before, spanOf, starts, windowOf } from './period'
import { axisUnit, intoSeries, top } from './series'

const row = (start: string, value: number | bigint, group: Record<string, string> = {}, subject: string | null = null) =>
  ({ windowStart: start, windowEnd: start, value, subject, groupBy: group }) as unknown as UsageRow
const days = ['2026-03-01', '2026-03-02', '2026-03-03'].map((d) => new Date(d + 'T00:00:00Z'))

test('rows go to their windows, and missing windows are 0', () => {
  const [s] = intoSeries([row('2026-03-01T00:00:00Z', 5), row('2026-03-03T00:00:00Z', 7)], [], days)
  expect(s!.values).toEqual([5n, 0n, 7n])
  expect(s!.total).toBe(12n)
})

test('groups are told apart by every key and ordered by total', () => {
  const list = intoSeries([row('2026-03-01T00:00:00Z', 1, { a: 'x', b: 'y' }), row('2026-03-01T00:00:00Z', 2, { a: 'x,y', b: '' }), row('2026-03-02T00:00:00Z', 3, { a: 'x', b: 'y' })], ['a', 'b'], days)
  expect(list.map((s) => [s.group.a, s.total])).toEqual([['x', 4n], ['x,y', 2n]])
})

test('totals that do not add up are those that the server gave', () => {
  const [s] = intoSeries([row('2026-03-01T00:00:00Z', 5), row('2026-03-02T00:00:00Z', 5)], [], days, [row('2026-03-01T00:00:00Z', 6)])
  expect(s!.total).toBe(6n)
})

test('sums past 2^53 stay exact', () => {
  const [s] = intoSeries([row('2026-03-01T00:00:00Z', 2n ** 100n), row('2026-03-02T00:00:00Z', 1)], [], days)
  expect(s!.total).toBe(2n ** 100n + 1n)
})

test('what does not fit the legend is added up', () => {
  const list = intoSeries(Array.from({ length: 20 }, (_, i) => row('2026-03-01T00:00:00Z', i + 1, { k: String(i) })), ['k'], days)
  const { shown, others } = top(list, 12)
  expect(shown.length).toBe(11)
  expect(shown.reduce((a, s) => a + s.total, 0n) + others!.total).toBe(210n)
})

test('an axis is drawn in a unit that gives round ticks', () => {
  expect(axisUnit(5n << 30n, 'B')).toEqual({ size: 2 ** 30, name: 'GiB' })
  expect(axisUnit(7300n, 's').name).toBe('h')
  expect(axisUnit(10n, '1')).toEqual({ size: 1, name: '' })
})

const now = Date.UTC(2026, 2, 15, 12)
test('periods are whole days of the zone', () => {
  const s = spanOf('7d', now, 'Asia/Shanghai')
  expect(s.from.toISOString()).toBe('2026-03-08T16:00:00.000Z')
  expect(s.to.toISOString()).toBe('2026-03-15T16:00:00.000Z')
  expect(starts(s, 'DAY', 'Asia/Shanghai').length).toBe(7)
  expect(starts(spanOf('12m', now, 'UTC'), 'MONTH', 'UTC').length).toBe(12)
})

test('hours of a day on which clocks change are 23 or 25', () => {
  expect(starts(spanOf('custom', now, 'Europe/Berlin', '2026-03-29', '2026-03-29'), 'HOUR', 'Europe/Berlin').length).toBe(23)
  expect(starts(spanOf('custom', now, 'Europe/Berlin', '2026-10-25', '2026-10-25'), 'HOUR', 'Europe/Berlin').length).toBe(25)
})

test('a period under way is compared with as much of the one before', () => {
  const s = spanOf('today', now, 'UTC')
  const b = before(s, 'today', now, 'UTC')
  expect([b.from.toISOString(), b.to.toISOString()]).toEqual(['2026-03-14T00:00:00.000Z', '2026-03-14T12:00:00.000Z'])
  const month = before(spanOf('lastmonth', now, 'UTC'), 'lastmonth', now, 'UTC')
  expect([month.from.toISOString(), month.to.toISOString()]).toEqual(['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'])
})

test('windows are never too many to draw', () => {
  expect(windowOf(spanOf('12m', now, 'UTC'), 'HOUR')).toBe('MONTH')
  expect(windowOf(spanOf('today', now, 'UTC'), null)).toBe('HOUR')
  expect(windowOf(spanOf('30d', now, 'UTC'), 'HOUR')).toBe('HOUR')
})
