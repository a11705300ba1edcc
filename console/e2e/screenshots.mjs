// Takes the pictures of the README: npm run screenshots.
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { addTenants, asAdmin, asOperator, desktop, open, phone, places, startBrowser, startDemo } from './harness.mjs'

const out = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))
await mkdir(out, { recursive: true })
const server = await startDemo()
const browser = await startBrowser()
try {
  await addTenants(server)
  // Something under way: two reservations, and a limit about to be passed.
  for (const [i, amount] of [['render-1', '120GiB'], ['import-7', '64GiB']]) await server.call('POST', '/holds?tenant=acme', { id: i, node: '/drive/dept/rd', items: [{ meter: 'drive.space', amount }], ttl: 5400 })
  const take = async (name, path, ready, how, more) => {
    const { context, page, go } = await open(browser, server, how)
    await go(path)
    await page.waitForSelector(ready)
    await page.waitForLoadState('networkidle')
    if (more) await more(page)
    // The chart's first drawing is animated.
    await page.waitForTimeout(900)
    await page.screenshot({ path: `${out}${name}.png` })
    await context.close()
  }
  const admin = asAdmin(server)
  const operator = asOperator(server)
  for (const p of places) await take(p.name, p.path, p.ready, { as: p.as === 'operator' ? operator : admin, size: desktop })
  await take('signin', '/signin', 'form', {})
  await take('event', '/t/acme/events?type=rtc.stream.received', '.line .link', { as: admin, theme: 'dark' }, (page) => page.click('.line .link'))
  await take('preview', '/t/acme/definitions/quotas?q=dept/rd', 'tbody tr', { as: admin }, async (page) => {
    await page.click('tbody tr .btn')
    await page.locator('dialog input').nth(2).fill('640GiB')
    await page.click('dialog .primary')
    await page.waitForSelector('dialog .changes li')
  })
  for (const name of ['overview', 'tenant', 'usage']) {
    const p = places.find((x) => x.name === name)
    const as = p.as === 'operator' ? operator : admin
    await take(`${name}-dark-zh`, p.path, p.ready, { as, theme: 'dark', lang: 'zh' })
    await take(`${name}-phone`, p.path, p.ready, { as, size: phone, scale: 2 })
  }
  console.log(`pictures are in ${out}`)
} finally {
  await browser.close()
  await server.stop()
}
