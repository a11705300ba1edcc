// What the reader chose, kept in this browser.
export type Theme = 'system' | 'light' | 'dark'
export type Lang = 'en' | 'zh'

const key = 'usance.prefs'

function guess(): Lang {
  return typeof navigator !== 'undefined' && navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

class Prefs {
  theme = $state<Theme>('system')
  lang = $state<Lang>(guess())
  /** Whether the page is dark now, whoever decided it. */
  dark = $state(false)

  constructor() {
    if (typeof window === 'undefined') return
    try {
      const saved = JSON.parse(localStorage.getItem(key) ?? '{}')
      if (['light', 'dark', 'system'].includes(saved.theme)) this.theme = saved.theme
      if (['en', 'zh'].includes(saved.lang)) this.lang = saved.lang
    } catch {
      // storage is off, or holds something else: the defaults do
    }
    const system = matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', () => this.apply())
    this.apply()
  }

  private apply() {
    const root = document.documentElement
    this.dark = this.theme === 'dark' || (this.theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
    root.dataset.theme = this.dark ? 'dark' : 'light'
    root.lang = this.lang === 'zh' ? 'zh-CN' : 'en'
  }

  set(change: { theme?: Theme; lang?: Lang }) {
    if (change.theme) this.theme = change.theme
    if (change.lang) this.lang = change.lang
    this.apply()
    try {
      localStorage.setItem(key, JSON.stringify({ theme: this.theme, lang: this.lang }))
    } catch {
      // the choice lasts for this page
    }
  }

  /** The reader's locale: the browser's own where it is of the chosen language. */
  get locale(): string {
    const own = typeof navigator === 'undefined' ? 'en' : navigator.language
    if (this.lang === 'zh') return own.toLowerCase().startsWith('zh') ? own : 'zh-CN'
    return own.toLowerCase().startsWith('en') ? own : 'en'
  }
}

export const prefs = new Prefs()
