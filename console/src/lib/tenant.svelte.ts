import { api, ok, type Tenant } from '../api/client'
import { safeZone } from './zone'
import { session } from './session.svelte'

/** The tenant that the page is about. */
class Current {
  tenant = $state.raw<Tenant | undefined>()
  missing = $state('')

  /** Reads the tenant unless it is there already. A token bound to a subtree may not
   * read it; what the sign-in told about it does then. */
  async read(id: string) {
    if (this.tenant?.id === id) return
    const own = session.who.tenant
    if (own?.id === id && !session.whole) {
      this.tenant = { id, name: own.name, timezone: own.timezone }
      return
    }
    this.missing = ''
    try {
      this.tenant = (await ok(api.GET('/api/v1/tenants/{tenant}', { params: { path: { tenant: id } } }))) as Tenant
    } catch (e) {
      if (own?.id === id) this.tenant = { id, name: own.name, timezone: own.timezone }
      else this.missing = id
      void e
    }
  }
  forget() {
    this.tenant = undefined
  }
  get zone() {
    return safeZone(this.tenant?.timezone)
  }
}

export const current = new Current()
