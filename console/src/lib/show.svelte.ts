// Formatting in the reader's locale, reacting to a change of language.
import type { Whole } from '../api/exact'
import { tOr } from '../i18n/index.svelte'
import * as f from './format'
import { prefs } from './prefs.svelte'

export const human = (v: Whole | null | undefined, unit = '1') => f.human(v, unit, prefs.locale)
export const exact = (v: Whole | null | undefined, unit = '1') => f.exact(v, unit, prefs.locale)
export const percent = (x: number | undefined) => f.percent(x, prefs.locale)
export const change = (now: Whole, before: Whole) => f.change(now, before, prefs.locale)

const made = new Map<string, Intl.DateTimeFormat>()
function dates(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = prefs.locale + zone + JSON.stringify(options)
  let d = made.get(key)
  if (!d) made.set(key, (d = new Intl.DateTimeFormat(prefs.locale, { timeZone: zone, ...options })))
  return d
}

const styles = {
  date: { year: 'numeric', month: 'short', day: 'numeric' },
  day: { month: 'short', day: 'numeric' },
  weekday: { weekday: 'short', month: 'short', day: 'numeric' },
  month: { year: 'numeric', month: 'long' },
  monthShort: { year: 'numeric', month: 'short' },
  time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  dateTime: { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  hour: { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  full: { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short' },
} satisfies Record<string, Intl.DateTimeFormatOptions>

/** A date or time in a zone. */
export function when(at: Date | string | number, zone: string, style: keyof typeof styles = 'dateTime'): string {
  return dates(zone, styles[style]).format(new Date(at))
}

/** "in 3 days", "2 hours ago". */
export function relative(at: Date | string | number, now: number): string {
  const r = new Intl.RelativeTimeFormat(prefs.locale, { numeric: 'auto' })
  const s = (new Date(at).getTime() - now) / 1000
  const abs = Math.abs(s)
  if (abs < 90) return r.format(Math.round(s), 'second')
  if (abs < 5400) return r.format(Math.round(s / 60), 'minute')
  if (abs < 129_600) return r.format(Math.round(s / 3600), 'hour')
  if (abs < 86_400 * 60) return r.format(Math.trunc(s / 86_400), 'day')
  return r.format(Math.round(s / (86_400 * 30.44)), 'month')
}

/** A meter's name for people; meters that nobody translated show their own. */
export const meterName = (name: string) => tOr('meter.' + name, name)

/** The last part of a node's path, or its own name. */
export function nodeName(path: string, names?: Map<string, string>): string {
  return names?.get(path) || (path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1))
}

/** Text from outside cut to a length that a line can hold. */
export const cut = (s: string, n = 80) => (s.length > n ? s.slice(0, n) + '…' : s)
