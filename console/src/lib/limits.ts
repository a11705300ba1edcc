// What a quota's limit is made of, in words.
import type { Quota } from '../api/client'
import { big } from '../api/exact'
import { t } from '../i18n/index.svelte'
import { human } from './show.svelte'

/** The base and the grants of a limit, what is kept for the quota, and how far it is
 * over; nothing of a plain quota. */
export function limitParts(q: Quota, unit: string): string[] {
  const out: string[] = []
  if (q.grant_count && q.base != null && q.limit != null) out.push(t('limit.grants', { base: human(q.base, unit), n: String(q.grant_count), sum: human(big(q.limit) - big(q.base), unit) }))
  if (q.guarantee) out.push(t('limit.guarantee', { amount: human(q.guarantee, unit) }))
  if (q.over) out.push(t('limit.over', { amount: human(q.over, unit) }))
  return out
}
