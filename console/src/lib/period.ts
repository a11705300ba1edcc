// The periods one can ask for, as calendars in the tenant's zone have them.
import { civil, isoDate, midnight, parseDate, startOfDay, startOfMonth } from './zone'

export const periods = ['today', 'yesterday', '7d', '30d', '90d', 'month', 'lastmonth', '12m'] as const
export type Period = (typeof periods)[number] | 'custom'
export type Window = 'HOUR' | 'DAY' | 'MONTH'

export interface Span {
  from: Date
  to: Date
}

const day = 86_400_000

/** The bounds of a period; a custom one has its first and last day. */
export function spanOf(period: Period, now: number, zone: string, first = '', last = ''): Span {
  const today = startOfDay(now, zone)
  const tomorrow = startOfDay(now, zone, 1)
  switch (period) {
    case 'today':
      return { from: today, to: tomorrow }
    case 'yesterday':
      return { from: startOfDay(now, zone, -1), to: today }
    case '7d':
      return { from: startOfDay(now, zone, -6), to: tomorrow }
    case '90d':
      return { from: startOfDay(now, zone, -89), to: tomorrow }
    case 'month':
      return { from: startOfMonth(now, zone), to: startOfMonth(now, zone, 1) }
    case 'lastmonth':
      return { from: startOfMonth(now, zone, -1), to: startOfMonth(now, zone) }
    case '12m':
      return { from: startOfMonth(now, zone, -11), to: startOfMonth(now, zone, 1) }
    case 'custom': {
      const a = parseDate(first, zone)
      const b = parseDate(last, zone)
      if (a && b && a <= b) return { from: a, to: startOfDay(b, zone, 1) }
    }
  }
  return { from: startOfDay(now, zone, -29), to: tomorrow }
}

/** The period of the same length before a span. Where the span is still under way
 * it ends as far in as the span is now, so that like is compared with like. */
export function before(span: Span, period: Period, now: number, zone: string): Span {
  let from: Date
  if (period === 'month' || period === 'lastmonth') from = startOfMonth(span.from, zone, -1)
  else if (period === '12m') from = startOfMonth(span.from, zone, -12)
  else from = startOfDay(span.from, zone, -Math.round((span.to.getTime() - span.from.getTime()) / day))
  const gone = Math.min(now, span.to.getTime()) - span.from.getTime()
  const to = gone < span.to.getTime() - span.from.getTime() ? new Date(from.getTime() + Math.max(gone, 60_000)) : span.from
  return { from, to: to > span.from ? span.from : to }
}

/** The windows that make sense for a span: not too many to draw. */
export function windowsFor(span: Span): Window[] {
  const days = (span.to.getTime() - span.from.getTime()) / day
  const out: Window[] = []
  if (days <= 32) out.push('HOUR')
  if (days <= 800) out.push('DAY')
  if (days > 27) out.push('MONTH')
  return out.length ? out : ['MONTH']
}

export function windowOf(span: Span, wanted: string | null): Window {
  const may = windowsFor(span)
  if (may.includes(wanted as Window)) return wanted as Window
  const days = (span.to.getTime() - span.from.getTime()) / day
  const best: Window = days <= 3 ? 'HOUR' : days <= 100 ? 'DAY' : 'MONTH'
  return may.includes(best) ? best : may[0]!
}

/** Where the windows of a span begin. */
export function starts(span: Span, window: Window, zone: string): Date[] {
  const out: Date[] = []
  const first = civil(span.from, zone)
  for (let i = 0; out.length < 3000; i++) {
    const at =
      window === 'HOUR' ? new Date(span.from.getTime() + i * 3_600_000)
      : window === 'DAY' ? (i ? midnight(first.y, first.m, first.d + i, zone) : span.from)
      : i ? midnight(first.y, first.m + i, 1, zone) : span.from
    if (at >= span.to) break
    out.push(at)
  }
  return out
}

/** The last day of a span, as text. */
export const lastDay = (span: Span, zone: string) => isoDate(span.to.getTime() - 1, zone)
