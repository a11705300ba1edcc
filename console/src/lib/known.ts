// A moment as an address and an input have it: YYYY-MM-DDTHH:MM, with seconds or not, in a tenant's zone.
import { civil, isoDate, parseDate } from './zone'

/** The moment, when the text is one. On a day whose clock is set the hour counts from midnight. */
export function knownAt(text: string | null, zone: string): Date | undefined {
  const m = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})(?::(\d{2}(?:\.\d{1,3})?))?$/.exec(text ?? '')
  const day = m && parseDate(m[1]!, zone)
  return day ? new Date(day.getTime() + (Number(m[2]) * 60 + Number(m[3])) * 60_000 + Math.round(Number(m[4] ?? 0) * 1000)) : undefined
}

/** The text of a moment. */
export function knownText(at: Date, zone: string): string {
  const c = civil(at, zone)
  return `${isoDate(at, zone)}T${String(c.h).padStart(2, '0')}:${String(c.min).padStart(2, '0')}`
}
