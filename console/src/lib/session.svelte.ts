import { Failure, onSessionEnd, sessionCall } from '../api/client'
import { router } from './router.svelte'

export interface Who {
  signed_in: boolean
  user?: string
  role?: 'operator' | 'admin' | 'member' | 'ingester' | 'viewer'
  via?: 'token' | 'password'
  subtree?: string
  tenant?: { id: string; name?: string; timezone: string }
  version?: string
}

class Session {
  who = $state.raw<Who>({ signed_in: false })
  /** Whether the server was asked yet. */
  known = $state(false)
  failed = $state.raw<Failure | undefined>()

  constructor() {
    onSessionEnd(() => this.lapse())
  }

  async read() {
    try {
      this.who = (await sessionCall('GET')) as Who
      this.failed = undefined
    } catch (e) {
      this.failed = e instanceof Failure ? e : new Failure(0, {})
    }
    this.known = true
  }

  async signIn(with_: { token: string } | { login: string; password: string }) {
    this.who = (await sessionCall('POST', with_)) as Who
  }

  async signOut() {
    await sessionCall('DELETE')
    this.who = { signed_in: false }
    router.go('/signin')
  }

  /** Goes to the sign-in page and remembers where the reader was. */
  private lapse() {
    if (!this.who.signed_in) return
    this.who = { signed_in: false }
    router.go('/signin?ended=1&next=' + encodeURIComponent(router.here), true)
  }

  get operator() {
    return this.who.role === 'operator'
  }
  /** Whether definitions may be changed: the server decides again on every call. */
  get manages() {
    return this.who.role === 'operator' || this.who.role === 'admin'
  }
  get reads() {
    return this.who.role !== 'ingester'
  }
  /** Whether all of the tenant is in sight, and not a subtree alone. */
  get whole() {
    return !this.who.subtree || this.who.subtree === '/'
  }
}

export const session = new Session()
