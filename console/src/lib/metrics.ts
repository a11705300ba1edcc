// Reads the text that /metrics serves (Prometheus exposition format).
export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

export function parseMetrics(text: string): Sample[] {
  const out: Sample[] = []
  for (const line of text.split('\n')) {
    const m = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line)
    if (!m) continue
    const labels: Record<string, string> = {}
    for (const [, k, v] of (m[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[k!] = v!.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))
    const value = m[3] === '+Inf' ? Infinity : m[3] === '-Inf' ? -Infinity : Number(m[3])
    out.push({ name: m[1]!, labels, value })
  }
  return out
}

/** The total of a metric over its labels. */
export const sum = (samples: Sample[], name: string) => samples.reduce((a, s) => (s.name === name ? a + s.value : a), 0)

/** A quantile out of the buckets of a histogram: within the bucket it falls in, in proportion. */
export function quantile(buckets: Sample[], p: number): number | undefined {
  const sorted = buckets.map((b) => ({ le: b.labels.le === '+Inf' ? Infinity : Number(b.labels.le), n: b.value })).sort((a, b) => a.le - b.le)
  const all = sorted.at(-1)?.n ?? 0
  if (!all) return undefined
  let low = 0
  let seen = 0
  for (const b of sorted) {
    if (b.n >= p * all) return b.le === Infinity ? low : low + ((b.le - low) * (p * all - seen)) / Math.max(1, b.n - seen)
    low = b.le
    seen = b.n
  }
  return low
}
