import '@fontsource-variable/inter/wght.css'
import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { speak } from './i18n/index.svelte'
import { prefs } from './lib/prefs.svelte'
import { session } from './lib/session.svelte'

// An old page whose chunks are gone from a newer server loads itself anew, once.
addEventListener('vite:preloadError', (e) => {
  const last = Number(sessionStorage.getItem('usance.reloaded') ?? 0)
  if (Date.now() - last < 30_000) return
  e.preventDefault()
  sessionStorage.setItem('usance.reloaded', String(Date.now()))
  location.reload()
})

await Promise.all([session.read(), prefs.lang === 'zh' ? speak('zh') : undefined])
mount(App, { target: document.getElementById('app')! })
