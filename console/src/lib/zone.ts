// Calendar arithmetic in a tenant's time zone, which is seldom the reader's.

export interface Civil {
  y: number
  m: number // 1 to 12
  d: number
  h: number
  min: number
}

const known = new Map<string, Intl.DateTimeFormat>()
function parts(zone: string): Intl.DateTimeFormat {
  let f = known.get(zone)
  if (!f) {
    f = new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', era: 'short',
      year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    })
    known.set(zone, f)
  }
  return f
}

/** The zone if this browser knows it, or UTC. */
export function safeZone(zone: string | undefined): string {
  try {
    if (zone) parts(zone)
    return zone || 'UTC'
  } catch {
    return 'UTC'
  }
}

/** The date and time that clocks in the zone show at an instant. */
export function civil(at: Date | number, zone: string): Civil {
  const v: Record<string, number> = {}
  for (const p of parts(zone).formatToParts(at)) v[p.type] = Number(p.value)
  return { y: v.year!, m: v.month!, d: v.day!, h: v.hour!, min: v.minute! }
}

function offset(at: number, zone: string): number {
  const c = civil(at, zone)
  return Date.UTC(c.y, c.m - 1, c.d, c.h, c.min) - Math.floor(at / 60_000) * 60_000
}

const minute = 60_000
const day = 86_400_000

/** The first instant of a calendar day, whose month and day may run over. */
export function midnight(y: number, m: number, d: number, zone: string): Date {
  const want = Date.UTC(y, m - 1, d)
  let t = want - offset(want, zone)
  t = want - offset(t, zone)
  // Where clocks skip midnight t shows the day before, or an hour too late: walk to the first instant of the day.
  const showing = (x: number) => {
    const c = civil(x, zone)
    return Date.UTC(c.y, c.m - 1, c.d)
  }
  while (showing(t) < want) t += 15 * minute
  while (showing(t - 15 * minute) >= want) t -= 15 * minute
  return new Date(t)
}

/** The first instant of the day that an instant lies in, or of one some days on. */
export function startOfDay(at: Date | number, zone: string, plus = 0): Date {
  const c = civil(at, zone)
  return midnight(c.y, c.m, c.d + plus, zone)
}

/** The first instant of the month that an instant lies in, or of one some months on. */
export function startOfMonth(at: Date | number, zone: string, plus = 0): Date {
  const c = civil(at, zone)
  return midnight(c.y, c.m + plus, 1, zone)
}

/** Whole days from one instant's date to another's. */
export function daysBetween(from: Date | number, to: Date | number, zone: string): number {
  const a = civil(from, zone)
  const b = civil(to, zone)
  return Math.round((Date.UTC(b.y, b.m - 1, b.d) - Date.UTC(a.y, a.m - 1, a.d)) / day)
}

/** "2026-03-05" in the zone. */
export function isoDate(at: Date | number, zone: string): string {
  const c = civil(at, zone)
  return `${String(c.y).padStart(4, '0')}-${String(c.m).padStart(2, '0')}-${String(c.d).padStart(2, '0')}`
}

/** The first instant of "2026-03-05" in the zone, or nothing for other text. */
export function parseDate(text: string, zone: string): Date | undefined {
  const m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (!m) return undefined
  const at = midnight(Number(m[1]), Number(m[2]), Number(m[3]), zone)
  return isoDate(at, zone) === text ? at : undefined
}
