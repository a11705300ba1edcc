// How amounts are shown: short for reading, exact for checking.
import { big, type Whole } from '../api/exact'

const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB']

const formats = new Map<string, Intl.NumberFormat>()
function number(locale: string, digits: number): Intl.NumberFormat {
  const key = locale + digits
  let f = formats.get(key)
  if (!f) formats.set(key, (f = new Intl.NumberFormat(locale, { maximumFractionDigits: digits })))
  return f
}

/** v divided by n, near enough to be shown: exact to a thousandth. */
function ratio(v: bigint, n: bigint): number {
  return Number((v * 1000n) / n) / 1000
}

const digitsOf = (x: number) => (Math.abs(x) >= 100 ? 0 : Math.abs(x) >= 10 ? 1 : 2)

/** Text such as "1.5 TiB", "3.2 h", "12,400" for an amount of a base unit. */
export function human(v: Whole | null | undefined, unit: string, locale: string): string {
  const n = big(v)
  if (unit === 'B') return scaledBytes(n, locale)
  if (unit === 's') return scaledSeconds(n, locale)
  const text = compact(n, locale)
  return unit === '1' || unit === '' ? text : `${text} ${unit}`
}

function scaledBytes(n: bigint, locale: string): string {
  const abs = n < 0n ? -n : n
  let i = 0
  while (i < binary.length - 1 && abs >= 1n << BigInt(10 * (i + 1))) i++
  let x = ratio(n, 1n << BigInt(10 * i))
  if (i < binary.length - 1 && Math.abs(x) >= 1023.5) {
    x /= 1024
    i++
  }
  return `${number(locale, i === 0 ? 0 : digitsOf(x)).format(x)} ${binary[i]}`
}

function scaledSeconds(n: bigint, locale: string): string {
  const abs = n < 0n ? -n : n
  if (abs < 60n) return `${number(locale, 0).format(n)} s`
  if (abs < 3600n) return `${fixed(ratio(n, 60n), locale)} min`
  return `${fixed(ratio(n, 3600n), locale)} h`
}

function fixed(x: number, locale: string): string {
  return number(locale, digitsOf(x)).format(x)
}

function compact(n: bigint, locale: string): string {
  const abs = n < 0n ? -n : n
  if (abs < 1_000_000n) return number(locale, 0).format(n)
  const key = 'c' + locale
  let f = formats.get(key)
  if (!f) formats.set(key, (f = new Intl.NumberFormat(locale, { notation: 'compact', maximumSignificantDigits: 4 })))
  return f.format(n)
}

/** Every digit, with its unit: "1,099,511,627,776 B". */
export function exact(v: Whole | null | undefined, unit: string, locale: string): string {
  const text = number(locale, 0).format(big(v))
  return unit === '1' || unit === '' ? text : `${text} ${unit}`
}

/** v as a share of a limit, 0 and up; nothing for an unlimited or an empty one. */
export function share(v: Whole, limit: Whole | null | undefined): number | undefined {
  if (limit == null) return undefined
  const n = big(v) < 0n ? 0n : big(v)
  const l = big(limit)
  if (l === 0n) return n > 0n ? Infinity : undefined
  return Number((n * 1_000_000n) / l) / 1_000_000
}

/** "37%", "0.4%", ">999%". */
export function percent(x: number | undefined, locale: string): string {
  if (x === undefined) return '–'
  if (x > 9.99) return '>999%'
  const p = x * 100
  return number(locale, p > 0 && p < 1 ? 1 : 0).format(p > 99 && p < 100 ? 99 : p) + '%'
}

/** "+12%" or "−40%" of a change; nothing when there was nothing before. */
export function change(now: Whole, before: Whole, locale: string): { text: string; sign: number } | undefined {
  const a = big(now)
  const b = big(before)
  if (b === 0n) return undefined
  const x = Number(((a - b) * 10_000n) / (b < 0n ? -b : b)) / 100
  const sign = Math.abs(x) < 0.05 ? 0 : Math.sign(x)
  const text = Math.abs(x) > 999 ? '>999' : number(locale, Math.abs(x) < 10 ? 1 : 0).format(sign ? Math.abs(x) : 0)
  return { text: `${sign > 0 ? '+' : sign < 0 ? '−' : '±'}${text}%`, sign }
}

/** Reads what a person types for a limit; the server has the last word. */
export function parseLimit(text: string): Whole | string | null | undefined {
  const t = text.trim()
  if (t === '') return undefined
  if (/^(unlimited|∞)$/i.test(t)) return null
  const plain = t.replaceAll(/[,\s_](?=\d{3})/g, '')
  if (/^\d+$/.test(plain)) return BigInt(plain)
  return t
}

/** A limit as one may type it, in the largest unit that divides it. */
export function typed(v: Whole | null | undefined, unit: string): string {
  if (v == null) return 'unlimited'
  const n = big(v)
  if (n === 0n) return '0'
  const tries: [string, bigint][] =
    unit === 'B' ? [['TiB', 1n << 40n], ['GiB', 1n << 30n], ['MiB', 1n << 20n], ['KiB', 1n << 10n]]
    : unit === 's' ? [['d', 86_400n], ['h', 3600n], ['min', 60n]]
    : []
  for (const [name, size] of tries) if (n % size === 0n) return `${n / size}${name}`
  return n.toString()
}

const factors: Record<string, bigint> = {
  '': 1n, B: 1n, KB: 1000n, MB: 1000n ** 2n, GB: 1000n ** 3n, TB: 1000n ** 4n, KiB: 1n << 10n, MiB: 1n << 20n, GiB: 1n << 30n, TiB: 1n << 40n,
  s: 1n, min: 60n, h: 3600n, d: 86_400n,
}

/** What a limit as typed stands for; null is unlimited, undefined is no amount. It
 * serves previews: the server reads the text itself. */
export function amountOf(text: string): bigint | null | undefined {
  const limit = parseLimit(text)
  if (limit === null || limit === undefined || typeof limit === 'bigint') return limit as bigint | null | undefined
  const m = /^(\d+) ?([A-Za-z]*)$/.exec(String(limit))
  const factor = m && factors[m[2]!]
  return m && factor ? BigInt(m[1]!) * factor : undefined
}
