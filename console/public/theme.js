// Runs before the first paint, so that the page never flashes in the other theme.
{
  const root = document.documentElement
  let p = {}
  try {
    p = JSON.parse(localStorage.getItem('usance.prefs') || '{}') || {}
  } catch {
    // storage is off, or holds something else: the system's theme it is
  }
  const dark = p.theme === 'dark' || (p.theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  root.dataset.theme = dark ? 'dark' : 'light'
  if (p.lang) root.lang = p.lang === 'zh' ? 'zh-CN' : 'en'
}
