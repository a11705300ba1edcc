import { Failure } from '../api/client'

/** The answer to a question that is asked again when what it depends on changes,
 * and from time to time. What was there stays until the new answer comes, so that
 * nothing flickers. */
export class Query<T> {
  data = $state.raw<T | undefined>()
  error = $state.raw<Failure | undefined>()
  loading = $state(true)
  again = $state(0)
  refresh() {
    this.again++
  }
}

type Make<T> = () => ((signal: AbortSignal) => Promise<T>) | undefined

/** Asks within a component. make reads the reactive state it depends on, and
 * returns the call; undefined asks nothing. */
export function query<T>(make: Make<T>, options: { every?: number; keep?: boolean } = {}): Query<T> {
  const q = new Query<T>()
  $effect(() => {
    void q.again
    const call = make()
    if (!call) {
      q.loading = false
      return
    }
    const stop = new AbortController()
    const ask = async (first: boolean) => {
      if (first) q.loading = true
      try {
        const data = await call(stop.signal)
        if (stop.signal.aborted) return
        q.data = data
        q.error = undefined
      } catch (e) {
        if (stop.signal.aborted) return
        q.error = e instanceof Failure ? e : new Failure(-1, { detail: String((e as Error)?.message ?? e) })
      }
      q.loading = false
    }
    void ask(true)
    const timer = options.every ? setInterval(() => { if (!document.hidden) void ask(false) }, options.every) : 0
    return () => {
      stop.abort()
      clearInterval(timer)
    }
  })
  return q
}
