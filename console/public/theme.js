// Runs before the first paint, so that the page never flashes in the other theme.
try {
  const p = JSON.parse(localStorage.getItem('usance.prefs') || '{}')
  if (p.theme === 'light' || p.theme === 'dark') document.documentElement.dataset.theme = p.theme
  if (p.lang) document.documentElement.lang = p.lang === 'zh' ? 'zh-CN' : 'en'
} catch {
  // storage is off: the system's theme it is
}
