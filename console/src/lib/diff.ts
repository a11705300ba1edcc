// The members in which two JSON values differ, by path.
export interface Difference {
  path: string
  before?: string
  after?: string
}

const shown = (v: unknown) => (typeof v === 'string' ? v : JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? x.toString() : x)))

export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  const isMap = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)
  if (isMap(before) || isMap(after)) {
    const a = isMap(before) ? before : {}
    const b = isMap(after) ? after : {}
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])]
    return names.flatMap((k) => differences(a[k], b[k], path ? `${path}.${k}` : k))
  }
  if (shown(before) === shown(after)) return []
  return [{ path, before: before === undefined ? undefined : shown(before), after: after === undefined ? undefined : shown(after) }]
}
