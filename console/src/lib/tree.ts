// Paths of nodes: "/" is the root, "/drive/dept/rd" a node three below it.

/** Whether p is q or below it. */
export function within(p: string, q: string): boolean {
  return q === '/' || p === q || p.startsWith(q + '/')
}

/** The path from the root down to p. */
export function lineage(p: string): string[] {
  const out = ['/']
  if (p === '/') return out
  const parts = p.slice(1).split('/')
  parts.forEach((_, i) => out.push('/' + parts.slice(0, i + 1).join('/')))
  return out
}

/** Of some paths, those below p with none of them between. */
export function childrenOf(paths: string[], p: string): string[] {
  const below = [...new Set(paths)].filter((x) => x !== p && within(x, p)).sort()
  const known = new Set(below)
  return below.filter((x) => !lineage(x).some((a) => a !== x && a !== p && known.has(a)))
}
