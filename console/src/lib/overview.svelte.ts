// The operator's overview: the tenants' names, and what is known of each, page by
// page. With thousands of tenants the list stands at once and fills as it is read.
import { ok, api, Failure, type Tenant, type TenantSummary } from '../api/client'
import { big } from '../api/exact'
import { fullness } from './data'

export interface Known extends TenantSummary {
  full: number // of the tightest quota; -1 without any
}

const first = 50 // summaries of the first page, which is wanted soon

export class Board {
  tenants = $state.raw<Tenant[]>([])
  listed = $state(false)
  /** Moves on when something more is known. */
  version = $state(0)
  done = $state(0)
  complete = $state(false)
  private known = new Map<string, Known>()
  private stopped = false

  constructor(private meter: string) {}

  /** Reads everything; it fails when nothing could be read. */
  async read() {
    await Promise.all([this.list(), this.sum()])
    this.complete = !this.stopped
  }

  private async list() {
    let cursor: string | undefined
    do {
      const page = await ok(api.GET('/api/v1/tenants', { params: { query: { cursor } } }))
      this.tenants = [...this.tenants, ...(page.items as Tenant[])]
      this.listed = true
      cursor = page.next
    } while (cursor && !this.stopped)
  }

  private async sum() {
    let cursor: string | undefined
    do {
      const page = await this.page(cursor)
      for (const s of page.items) this.known.set(s.id, { ...s, full: s.tightest ? (fullness(s.tightest) ?? -1) : -1 })
      this.done = this.known.size
      this.version++
      cursor = page.next
    } while (cursor && !this.stopped)
  }

  /** A server that is busy is asked once more, a little later. */
  private async page(cursor?: string) {
    const ask = () => ok(api.GET('/api/v1/tenant-summaries', { params: { query: { meter: this.meter, cursor, limit: cursor ? undefined : first } } }))
    try {
      return await ask()
    } catch (e) {
      if (!(e instanceof Failure) || e.status !== 503) throw e
      await new Promise((resolve) => setTimeout(resolve, 1000 * (e.retryAfter || 1)))
      return ask()
    }
  }

  of(id: string): Known | undefined {
    return this.known.get(id)
  }
  entries() {
    return this.known
  }
  stop() {
    this.stopped = true
  }
}

/** What the meter has today, as an exact number. */
export const today = (k?: Known) => (k?.usage ? big(k.usage.today) : -1n)
