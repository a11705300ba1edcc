import createClient from 'openapi-fetch'
import { parseExact, writeExact } from './exact'
import type { components, paths } from './schema'

type Schemas = components['schemas']
export type Tenant = Schemas['Tenant'] & { id: string; timezone: string }
export type Node = Schemas['Node']
export type Meter = Schemas['Meter']
export type Quota = Schemas['Quota']
export type QuotaForecast = Schemas['QuotaForecast']
export type Resource = Schemas['Resource'] & { id: string; node: string }
export type StoredEvent = Schemas['StoredEvent']
export type UsageRow = Schemas['UsageRow']
export type User = Schemas['User']
export type Key = Schemas['Key']
export type Token = Schemas['Token']
export type Change = Schemas['Change']
export type Correction = Schemas['Correction']
export type MovedNode = Schemas['MovedNode']
export type Block = Schemas['Block']
export type TenantSummary = Schemas['TenantSummary']
export type Problem = Schemas['Problem']

/** What a call that did not succeed says. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
    readonly retryAfter = 0,
  ) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`)
  }
  /** The last part of the problem's type, such as "not-found"; "offline" without an answer. */
  get kind(): string {
    return this.status === 0 ? 'offline' : (this.problem.type?.split(':').pop() ?? 'internal')
  }
}

let ended: () => void = () => {}
/** Says what happens when the server no longer knows the session. */
export function onSessionEnd(f: () => void) {
  ended = f
}

async function exactFetch(request: Request): Promise<Response> {
  const answer = await send(request)
  if (answer.status === 204 || !answer.headers.get('Content-Type')?.includes('json')) return answer
  const text = await answer.text()
  const headers = new Headers(answer.headers)
  // With a length openapi-fetch leaves the parsing to json().
  headers.set('Content-Length', String(text.length))
  const exact = new Response(text, { status: answer.status, headers })
  exact.json = () => Promise.resolve(parseExact(text))
  return exact
}

async function send(request: Request): Promise<Response> {
  try {
    return await fetch(request)
  } catch (e) {
    if (request.signal.aborted) throw e
    throw new Failure(0, { title: 'No answer' })
  }
}

/** The native API, typed by its own document. */
export const api = createClient<paths>({
  baseUrl: typeof location === 'undefined' ? 'http://localhost' : location.origin,
  fetch: exactFetch,
  headers: { 'X-Usance-Console': '1' },
  bodySerializer: writeExact,
})

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** Awaits a call and gives its data, or throws a Failure. */
export async function ok<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call
  if (response.ok) return data as T
  if (response.status === 401) ended()
  const problem = typeof error === 'object' && error ? (error as Problem) : {}
  throw new Failure(response.status, problem, Number(response.headers.get('Retry-After') ?? 0))
}

type Page<T> = { items: T[]; next?: string; total?: number }

/** Reads the pages of a list up to a bound, and says whether that was all. */
export async function all<T>(page: (cursor?: string) => Promise<Page<T>>, most = 20_000): Promise<{ items: T[]; whole: boolean; total: number }> {
  const items: T[] = []
  let cursor: string | undefined
  let total = 0
  do {
    const got = await page(cursor)
    items.push(...got.items)
    total = got.total ?? 0
    cursor = got.next
  } while (cursor && items.length < most)
  return { items, whole: !cursor, total: Math.max(total, items.length) }
}

/** A way to call the console's own sign-in. */
export async function sessionCall(method: 'GET' | 'POST' | 'DELETE', body?: unknown): Promise<unknown> {
  const headers: Record<string, string> = { 'X-Usance-Console': '1' }
  if (body) headers['Content-Type'] = 'application/json'
  const answer = await send(new Request('/console/session', { method, headers, body: body ? JSON.stringify(body) : undefined }))
  const text = await answer.text()
  let value: unknown
  try {
    value = text ? JSON.parse(text) : undefined
  } catch {
    value = undefined
  }
  if (!answer.ok) throw new Failure(answer.status, (value as Problem) ?? {}, Number(answer.headers.get('Retry-After') ?? 0))
  return value
}
