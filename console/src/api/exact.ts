// Amounts are whole numbers of up to 128 bits; JSON.parse would round them past
// 2^53. Here such numbers become BigInts, and every other value stays what
// JSON.parse makes of it.

const long = /\d{16}/
const pieces = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** A whole number as it comes off the wire. */
export type Whole = number | bigint

/** Parses JSON text; integers that a number cannot hold exactly become BigInts. */
export function parseExact(text: string): unknown {
  if (!long.test(text)) return JSON.parse(text)
  let mark = 'n'
  while (text.includes(`"${mark}:`)) mark += 'n'
  const marked = text.replace(pieces, (piece) => {
    if (piece[0] === '"' || !/^-?\d{16,}$/.test(piece) || Number.isSafeInteger(Number(piece))) return piece
    return `"${mark}:${piece}"`
  })
  const prefix = mark + ':'
  return JSON.parse(marked, (_, v) => (typeof v === 'string' && v.startsWith(prefix) ? BigInt(v.slice(prefix.length)) : v))
}

/** Writes a value as JSON, BigInts as integers. */
export function writeExact(value: unknown): string {
  const bigs: string[] = []
  const text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? { $big: bigs.push(v.toString()) - 1 } : v))
  return bigs.length ? text.replace(/\{"\$big":(\d+)\}/g, (_, i) => bigs[Number(i)]!) : text
}

/** An amount as a BigInt; nothing is 0. */
export function big(v: Whole | null | undefined): bigint {
  return v == null ? 0n : typeof v === 'bigint' ? v : BigInt(Math.trunc(v))
}
