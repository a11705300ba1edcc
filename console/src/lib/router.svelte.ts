// The router: paths below /console, and the query as part of the state.

export const base = '/console'

class Router {
  path = $state('/')
  query = $state.raw(new URLSearchParams())

  constructor() {
    if (typeof window === 'undefined') return
    this.read()
    window.addEventListener('popstate', () => this.read())
  }

  private read() {
    const at = location.pathname
    this.path = at.startsWith(base) ? at.slice(base.length) || '/' : '/'
    this.query = new URLSearchParams(location.search)
  }

  go(to: string, replace = false) {
    const url = base + to
    if (replace) history.replaceState(null, '', url)
    else history.pushState(null, '', url)
    const before = this.path
    this.read()
    if (!replace && before !== this.path) {
      scrollTo(0, 0)
      // So that a screen reader and the Tab key begin at the new page.
      queueMicrotask(() => document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }))
    }
  }

  /** Changes parts of the query; undefined and '' take a part out. */
  set(changes: Record<string, string | undefined>, replace = true) {
    const q = new URLSearchParams(this.query)
    for (const [k, v] of Object.entries(changes)) if (v) q.set(k, v); else q.delete(k)
    const text = q.toString()
    this.go(this.path + (text ? '?' + text : ''), replace)
  }

  get here(): string {
    const text = this.query.toString()
    return this.path + (text ? '?' + text : '')
  }
}

export const router = new Router()

/** Makes plain clicks on links within the console stay in the page. */
export function followLinks(e: MouseEvent) {
  const a = (e.target as Element | null)?.closest?.('a')
  if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
  if (a.target || a.hasAttribute('download') || a.origin !== location.origin || !a.pathname.startsWith(base + '/')) return
  e.preventDefault()
  router.go(a.pathname.slice(base.length) + a.search)
}

/** The address of a place of a tenant. */
export function at(tenant: string, page = '', query: Record<string, string | undefined> = {}): string {
  const q = new URLSearchParams()
  for (const [k, v] of Object.entries(query)) if (v) q.set(k, v)
  const text = q.toString()
  return `${base}/t/${tenant}${page ? '/' + page : ''}${text ? '?' + text : ''}`
}
