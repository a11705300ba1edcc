// The operator's overview: what is known of each tenant, read a few tenants at a
// time, those in sight first. With thousands of tenants the list stands at once
// and fills as one looks.
import { ok, api, type Quota, type Tenant } from '../api/client'
import { big } from '../api/exact'
import { countResources, fullness, quotas, resources, tightest, usage } from './data'
import { safeZone, startOfDay } from './zone'

export interface Known {
  tight?: Quota
  full: number // of the tightest quota; -1 without any
  over: Quota[]
  near: number
  now: bigint
  before: bigint
  expiring: number // within 7 days
  next?: string // when the next of them expires
  failed?: boolean
}

const width = 5
const week = 7 * 86_400_000

export class Board {
  tenants = $state.raw<Tenant[]>([])
  listed = $state(false)
  /** Moves on when something more is known. */
  version = $state(0)
  done = $state(0)
  /** Resolves when every tenant was read. */
  finished: Promise<void>
  private finish = () => {}
  private known = new Map<string, Known>()
  private asked = new Set<string>()
  private urgent: string[] = []
  private rest: string[] = []
  private running = 0
  private stopped = false
  private timer = 0

  constructor(private meter: string) {
    this.finished = new Promise((resolve) => (this.finish = resolve))
  }

  async list() {
    let cursor: string | undefined
    do {
      const page = await ok(api.GET('/api/v1/tenants', { params: { query: { cursor } } }))
      this.tenants = [...this.tenants, ...(page.items as Tenant[])]
      cursor = page.next
      if (!this.listed) this.listed = true
    } while (cursor && !this.stopped)
  }

  of(id: string): Known | undefined {
    return this.known.get(id)
  }
  entries() {
    return this.known
  }
  get complete() {
    return this.done >= this.tenants.length
  }

  /** Reads these tenants next. */
  want(ids: string[]) {
    this.urgent = ids.filter((id) => !this.asked.has(id))
    this.pump()
  }
  /** Reads every tenant, in the end. */
  wantAll() {
    this.rest = this.tenants.map((x) => x.id)
    if (this.complete) this.finish()
    this.pump()
  }
  stop() {
    this.stopped = true
    clearTimeout(this.timer)
  }

  private next(): string | undefined {
    for (const line of [this.urgent, this.rest]) {
      while (line.length) {
        const id = line.shift()!
        if (!this.asked.has(id)) return id
      }
    }
    return undefined
  }
  private pump() {
    while (this.running < width && !this.stopped) {
      const id = this.next()
      if (!id) return
      this.asked.add(id)
      this.running++
      void this.read(id).finally(() => {
        this.running--
        this.done++
        if (this.complete) this.finish()
        // Not every answer redraws the list.
        this.timer ||= setTimeout(() => {
          this.timer = 0
          this.version++
        }, 120) as unknown as number
        this.pump()
      })
    }
  }

  private async read(id: string) {
    const zone = safeZone(this.tenants.find((x) => x.id === id)?.timezone)
    const now = Date.now()
    try {
      const soon = { expires_from: new Date(now).toISOString(), expires_to: new Date(now + week).toISOString() }
      const [list, sofar, before, count] = await Promise.all([
        quotas(id),
        usage(id, this.meter, { from: startOfDay(now, zone), to: new Date(now) }),
        usage(id, this.meter, { from: startOfDay(now, zone, -1), to: new Date(now - 86_400_000) }),
        countResources(id, soon),
      ])
      const first = count.count ? (await resources(id, soon, undefined, 1000)).items.map((r) => r.expires!).sort()[0] : undefined
      const tight = tightest(list)
      this.known.set(id, {
        tight, full: tight ? fullness(tight)! : -1,
        over: list.filter((q) => (fullness(q) ?? 0) > 1),
        near: list.filter((q) => { const f = fullness(q) ?? 0; return f >= 0.8 && f <= 1 }).length,
        now: big(sofar[0]?.value), before: big(before[0]?.value), expiring: count.count, next: first,
      })
    } catch {
      this.known.set(id, { full: -1, over: [], near: 0, now: 0n, before: 0n, expiring: 0, failed: true })
    }
  }
}
