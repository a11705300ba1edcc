import { en } from './en'
import { prefs, type Lang } from '../lib/prefs.svelte'

export type Key = keyof typeof en
export type Words = Record<Key, string>

class Dictionary {
  words = $state.raw<Words>(en)
}
const dictionary = new Dictionary()

/** Loads a language's words; English is always there. */
export async function speak(lang: Lang) {
  dictionary.words = lang === 'zh' ? (await import('./zh')).zh : en
  prefs.set({ lang })
}

/** The text of a key, with its {places} filled in. One that stands for a number n
 * may say "one|many". */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  let text: string = dictionary.words[key]
  if ('n' in values && text.includes('|')) {
    const [one, many] = text.split('|')
    text = (String(values.n) === '1' ? one : many)!
  }
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole))
}

/** The text of a key made at run time, or the fallback where there is none. */
export function tOr(key: string, fallback: string): string {
  return (dictionary.words as Record<string, string>)[key] ?? fallback
}
