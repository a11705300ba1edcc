// The console in a real browser, against the built binary with its demo's year of
// data: node --test e2e/
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { file as typesFile, typesOf } from '../scripts/types.mjs'
import { addTenants, asAdmin, asOperator, desktop, open, phone, places, startBrowser, startDemo } from './harness.mjs'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const run = promisify(execFile)
let server, browser

before(async () => {
  server = await startDemo()
  await addTenants(server)
  await server.call('PUT', '/users/viewer?tenant=acme', { name: 'viewer', role: 'viewer', password: 'Look-0nly-please' })
  browser = await startBrowser()
}, { timeout: 120_000 })
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** Runs a test on a page, which must have had no fault in the end. */
async function on(how, path, use) {
  const o = await open(browser, server, how)
  try {
    if (path) await o.go(path)
    await use(o.page, o)
    assert.deepEqual(o.faults, [])
  } finally {
    await o.context.close()
  }
}
const admin = () => asAdmin(server)
const viewer = { login: 'viewer@acme', password: 'Look-0nly-please' }
const text = (page, selector) => page.locator(selector).first().innerText()

async function noSeriousFault(page) {
  // The page's policy forbids scripts from elsewhere; the browser's own channel does not ask it.
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact))
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`), [])
}

test("the client's types are those of the document that the server serves", async () => {
  const document = await (await fetch(server.url + '/openapi.json')).text()
  assert.equal(await readFile(typesFile, 'utf8'), await typesOf(document), 'run `npm run types` against this server')
})

describe('signing in', () => {
  test('a wrong password says so, a right one opens the tenant, and signing out ends it', () =>
    on({}, '/t/acme/usage?period=7d', async (page, { context }) => {
      await page.fill('[name=username]', 'ops')
      await page.fill('[name=password]', 'wrong')
      await page.click('form .primary')
      await page.waitForSelector('.wrong')
      await page.fill('[name=password]', server.env.MEETING_PASSWORD)
      await page.click('form .primary')
      await page.waitForSelector('.chart canvas')
      assert.match(page.url(), /\/console\/t\/acme\/usage\?period=7d$/)
      const [cookie] = await context.cookies()
      assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ['usance_console', true, 'Strict'])
      assert.equal(await page.evaluate(() => document.cookie), '')
      await page.click('.who button')
      await page.waitForSelector('form')
      const kept = await context.request.get(server.url + '/api/v1/tenants', { headers: { 'X-Usance-Console': '1', Cookie: `usance_console=${cookie.value}` } })
      assert.equal(kept.status(), 401)
    }))

  test('a token signs in too, and a session that has ended comes back to the page it left', () =>
    on({}, '/', async (page, { context }) => {
      const enter = async () => {
        await page.locator('.seg button').nth(1).click()
        await page.fill('[name=token]', server.operator)
        await page.click('form .primary')
      }
      await page.waitForSelector('form')
      await enter()
      await page.waitForSelector('h1:has-text("Overview")')
      await page.goto(server.url + '/console/t/acme/events?type=rtc.stream.received')
      await page.waitForSelector('.line .link')
      await context.clearCookies()
      await page.fill('input[list=event-types]', 'meeting.conference.ended')
      await page.keyboard.press('Enter')
      await page.waitForSelector('.note')
      await enter()
      await page.waitForSelector('.line:has-text("meeting.conference.ended")')
      assert.match(page.url(), /events\?type=meeting\.conference\.ended$/)
    }))

  test('the cookie alone does nothing: a request needs the header, and another site cannot send it', () =>
    on({ as: admin() }, '', async (_, { context }) => {
      const status = async (headers) => (await context.request.get(server.url + '/api/v1/tenants', { headers })).status()
      assert.deepEqual([await status({}), await status({ 'X-Usance-Console': '1', 'Sec-Fetch-Site': 'cross-site' }), await status({ 'X-Usance-Console': '1' })], [401, 401, 200])
    }))
})

for (const [lang, theme, size] of [['en', 'light', desktop], ['zh', 'dark', phone], ['zh', 'light', desktop], ['en', 'dark', phone]]) {
  describe(`every page in ${lang}, ${theme}, ${size.width} wide`, () => {
    test('sign-in', () => on({ lang, theme, size }, '/signin', async (page) => {
      await page.waitForSelector('form')
      await noSeriousFault(page)
    }))
    for (const p of places) {
      test(p.name, () => on({ as: p.as === 'operator' ? asOperator(server) : admin(), lang, theme, size }, p.path, async (page) => {
        await page.waitForSelector(p.ready)
        await page.waitForLoadState('networkidle')
        assert.deepEqual(await page.evaluate(() => (document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML.slice(0, 90)))), [], 'the page is wider than the screen')
        assert.equal(await page.locator('html').getAttribute('lang'), lang === 'zh' ? 'zh-CN' : 'en')
        assert.equal(/[\u4e00-\u9fff]/.test((await page.locator('main h1, main h2').allInnerTexts()).join()), lang === 'zh')
        await noSeriousFault(page)
      }))
    }
  })
}

describe('each page does its job', () => {
  test('overview: the fullest tenant is first, search and filter find, a click opens', () =>
    on({ as: asOperator(server) }, '/overview', async (page) => {
      await page.waitForFunction(() => document.querySelectorAll('.line .tight b').length >= 20)
      assert.match(await text(page, '.line .name'), /Northwind Traders/)
      assert.match(await text(page, '.line .tight b'), /108%/)
      await page.click('.sum:nth-child(2)')
      await page.waitForFunction(() => document.querySelectorAll('.grid.line').length === 2)
      await page.click('.sum:nth-child(1)')
      await page.fill('input[type=search]', '云帆')
      await page.waitForFunction(() => document.querySelectorAll('.grid.line').length === 1)
      await page.click('.grid.line a')
      await page.waitForSelector('h1:has-text("云帆教育")')
    }))

  test('tenant: the figures are those of the API, and the map can be walked by keyboard', () =>
    on({ as: admin() }, '/t/acme', async (page) => {
      await page.waitForSelector('.tile b')
      const day = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
      const from = encodeURIComponent(`${day}T00:00:00+08:00`)
      const { data } = await server.call('GET', `/meters/meeting.attendances/query?tenant=acme&from=${from}`)
      const tile = page.locator('.tile', { hasText: 'Attendances' }).locator('b')
      assert.equal((await tile.getAttribute('title')).replaceAll(',', ''), String(data[0].value))
      await page.click('.seg button:nth-child(2)')
      const tiles = page.locator('button.tile')
      await tiles.first().focus()
      await page.keyboard.press('Enter')
      await page.waitForFunction(() => location.search.includes('node='))
      await page.click('.crumbs .link')
      await page.waitForFunction(() => !location.search.includes('node='))
    }))

  test('usage: the question is in the address, and CSV has the same total', () =>
    on({ as: admin() }, '/t/acme/usage?meter=rtc.duration', async (page) => {
      await page.waitForSelector('.chart canvas')
      await page.locator('.controls select').nth(2).selectOption('media')
      await page.waitForSelector('.legend li')
      await page.click('.pick:has-text("media") .chip')
      await page.click('.menu label:has-text("audio")')
      await page.keyboard.press('Escape')
      await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1)
      await page.check('.compare input')
      await page.locator('.controls select').nth(1).selectOption('7d')
      await page.waitForFunction(() => location.search.includes('period=7d'))
      await page.waitForLoadState('networkidle')
      const exactly = (await page.locator('tbody tr td').nth(2).innerText()).replace(/\D/g, '')
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('button:has-text("CSV")')])
      const lines = (await readFile(await download.path(), 'utf8')).trimEnd().split('\r\n')
      assert.equal(lines[0], '\uFEFFwindow_start,window_end,media,value,unit')
      assert.equal(String(lines.slice(1).reduce((a, l) => a + BigInt(l.split(',')[3]), 0n)), exactly)
      const [png] = await Promise.all([page.waitForEvent('download'), page.click('button:has-text("PNG")')])
      assert.deepEqual([...(await readFile(await png.path())).subarray(1, 4)], [...Buffer.from('PNG')])
      const url = page.url()
      for (const part of ['meter=rtc.duration', 'by=media', 'f.media=audio', 'compare=1', 'period=7d']) assert(url.includes(part), url)
      await page.goto(url)
      await page.waitForSelector('tbody tr')
      await page.waitForFunction((want) => document.querySelectorAll('tbody tr td')[2]?.textContent.replace(/\D/g, '') === want, exactly)
    }))

  test('resources: a day of the calendar, and a renewal with its preview', () =>
    on({ as: admin() }, '/t/acme/resources?view=list', async (page) => {
      await page.waitForSelector('.body-row')
      const row = page.locator('.body-row', { hasText: 'ms-068' })
      await row.locator('.btn').click()
      await page.click('dialog .chip:has-text("3 months")')
      assert.match(await text(page, 'dialog .preview'), /9[0-2] days/)
      const before = (await server.call('GET', '/resources/ms-068?tenant=acme')).expires
      await page.click('dialog .primary')
      await page.waitForSelector('dialog', { state: 'detached' })
      const then = (await server.call('GET', '/resources/ms-068?tenant=acme')).expires
      assert((new Date(then) - new Date(before)) / 86_400_000 >= 89)
      await page.goto(server.url + '/console/t/acme/resources')
      await page.click('.days button:has(b)')
      await page.waitForFunction(() => location.search.includes('day='))
      await page.waitForSelector('.beside li')
    }))

  test('expiry: a resource that grants is seen in its quota, and what its end leaves over the limit is foretold', () =>
    on({ as: admin() }, '/t/acme/definitions/quotas?q=dept/sales', async (page) => {
      const [quota] = (await server.call('GET', '/quotas?tenant=acme&node=/drive/dept/sales')).items
      await server.call('PUT', '/quotas?tenant=acme', { node: '/drive/dept/sales', meter: 'drive.space', limit: 1024, guarantee: 512 })
      const expires = new Date(Date.now() + 40 * 86_400_000).toISOString()
      await server.call('PUT', '/resources/pack-1?tenant=acme', { id: 'pack-1', node: '/drive/dept/sales', business_type: 'DRIVE_PACK', charging_mode: 'PERIODIC', source: 'PURCHASED', expires, grants: [{ meter: 'drive.space', amount: quota.limit }] })
      await page.reload()
      await page.waitForSelector('.part:has-text("1 grant")')
      await page.waitForSelector('.part:has-text("512 B guaranteed")')
      const month = new Date(Date.now() + 40 * 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 7)
      await page.goto(server.url + `/console/t/acme/resources?month=${month}`)
      await page.waitForSelector('.forecast li:has-text("/drive/dept/sales") .by:has-text("pack-1")')
      await noSeriousFault(page)
      await page.click('.beside li:has-text("pack-1") .what')
      await page.waitForSelector('dialog dd:has-text("drive.space +")')
      await server.call('DELETE', '/resources/pack-1?tenant=acme')
      await server.call('PUT', '/quotas?tenant=acme', { node: '/drive/dept/sales', meter: 'drive.space', limit: quota.limit })
    }))

  test('events: a filter, a story, and a void with its reason', () =>
    on({ as: admin() }, '/t/acme/events?type=meeting.conference.ended', async (page) => {
      await page.click('.line .link')
      await page.waitForSelector('dialog li:has-text("Meeting time")')
      const id = await page.locator('dialog dd').nth(3).innerText()
      await page.click('dialog button:has-text("Void this event")')
      await page.fill('dialog form input', 'It was a rehearsal')
      await page.click('dialog form .danger')
      await page.waitForSelector('dialog .good')
      const { items } = await server.call('GET', `/events?tenant=acme&id=${encodeURIComponent(id)}`)
      assert.deepEqual([items[0].voided, items[0].reason], [true, 'It was a rehearsal'])
      await page.goto(server.url + '/console/t/acme/audit?type=event')
      await page.click('li .line')
      await page.waitForSelector('ins:has-text("It was a rehearsal")')
    }))

  test('events: what was refused is told with its reason, and a tenant without says so', async () => {
    await on({ as: admin() }, '/t/acme/events', async (page) => {
      await page.click('.seg button:has-text("Refused")')
      await page.waitForSelector('td:has-text("data.duration_seconds is not a number")')
      assert.match(await text(page, 'tr:has-text("c-1003")'), /3 times/)
      assert.match(await text(page, 'tr:has-text("c-1004")'), /stands twice in the request/)
      assert.equal(await page.locator('tbody tr').count(), 5)
    })
    await on({ as: asOperator(server) }, '/t/t-02/events?view=refused', (page) => page.waitForSelector('h3:has-text("Nothing was refused")'))
  })

  test('events: an amendment with its reason, the window it restates, and what was known before', async () => {
    const time = new Date(Date.now() - 3 * 86_400_000).toISOString()
    const sent = (id, amount) => ({ specversion: '1.0', id, source: 'amends', type: 'usance.level', time, subject: id, node: '/amended', data: { meter: 'drive.users', delta: amount } })
    await server.call('POST', '/events?tenant=acme', [sent('am-1', 5), { specversion: '1.0', id: 'am-2', source: 'amends', type: 'meeting.conference.ended', time, subject: 'am-2', node: '/amended', data: { duration_seconds: 600 } }])
    await on({ as: admin() }, '/t/acme/events?source=amends&type=meeting.conference.ended', async (page) => {
      await page.click('.line .link')
      await page.click('dialog button:has-text("Amend this event")')
      await page.fill('dialog .amend textarea', '{"duration_seconds": 120}')
      await page.fill('dialog .amend [name=reason]', 'The clock was wrong')
      await page.click('dialog .amend .primary')
      await page.waitForSelector('dialog .good')
      const { items } = await server.call('GET', '/events?tenant=acme&id=am-2')
      assert.deepEqual([items[0].event.data.duration_seconds, items[0].reason], [120, 'The clock was wrong'])
      await page.goto(server.url + '/console/t/acme/usage?meter=meeting.duration&node=/amended&period=7d&window=DAY')
      await page.waitForSelector('tbody .chip:has-text("Restated")')
    })
  })

  test('usage: as known at a moment leaves out what came later', () =>
    on({ as: admin() }, '/t/acme/usage?meter=meeting.conferences&node=/latecomers&period=7d', async (page) => {
      const before = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 23)
      await server.call('POST', '/events?tenant=acme', { specversion: '1.0', id: 'late-1', source: 'late', type: 'meeting.conference.started', time: new Date(Date.now() - 2 * 86_400_000).toISOString(), node: '/latecomers' })
      await page.reload()
      await page.waitForSelector('tbody tr')
      await page.goto(server.url + `/console/t/acme/usage?meter=meeting.conferences&node=/latecomers&period=7d&known=${before}`)
      await page.waitForSelector('h3:has-text("No usage in this period")')
      await page.fill('.known input', '')
      await page.keyboard.press('Enter')
      await page.waitForSelector('tbody tr')
    }))

  test('events: a range is previewed, voided once it is approved, and brought back', async () => {
    const events = [1, 2, 3].map((n) => ({ specversion: '1.0', id: `r-${n}`, source: 'ranged', type: 'meeting.conference.started', time: new Date().toISOString(), subject: `r-${n}`, node: '/ranged' }))
    await server.call('POST', '/events?tenant=acme', events)
    const counted = async () => (await server.call('GET', '/meters/meeting.conferences/query?tenant=acme&node=/ranged')).data[0]?.value ?? 0
    await on({ as: admin() }, '/t/acme/events?source=ranged', async (page) => {
      await page.click('button:has-text("Void a range")')
      await page.fill('dialog [name=reason]', 'A test ran against the wrong server')
      await page.click('dialog .primary')
      await page.waitForSelector('dialog tbody tr:has-text("/ranged")')
      assert.equal(await counted(), 3)
      await noSeriousFault(page)
      await page.click('dialog .approve')
      await page.waitForSelector('dialog [data-state=applied]')
      assert.equal(await counted(), 0)
      await page.click('dialog .revert')
      await page.waitForSelector('dialog [data-state=reverted]')
      assert.equal(await counted(), 3)
    })
  })

  test('events: a preview of a range that is discarded changes nothing and is not kept', async () => {
    await server.call('POST', '/events?tenant=acme', { specversion: '1.0', id: 'd-1', source: 'discarded', type: 'meeting.conference.started', subject: 'd-1', node: '/discarded' })
    const entries = async () => (await server.call('GET', '/corrections?tenant=acme')).items.filter((c) => c.filter.source === 'discarded').map((c) => c.state)
    await on({ as: admin() }, '/t/acme/events?source=discarded', async (page) => {
      await page.click('button:has-text("Void a range")')
      await page.fill('dialog [name=reason]', 'A second thought follows')
      await page.click('dialog .primary')
      await page.waitForSelector('dialog [data-state=proposed]')
      assert.deepEqual(await entries(), ['proposed'])
      await page.click('dialog button:has-text("Discard")')
      await page.waitForSelector('dialog form')
      assert.deepEqual(await entries(), [])
      assert.equal(await page.locator('dialog li:has-text("discarded")').count(), 0)
      const { data } = await server.call('GET', '/meters/meeting.conferences/query?tenant=acme&node=/discarded')
      assert.equal(data[0].value, 1)
    })
  })

  test('nodes: what depends on one is listed when it is not removed, and a move says what went along', async () => {
    await server.call('PUT', '/nodes?tenant=acme', { path: '/moving/a', name: 'A' })
    await server.call('PUT', '/quotas?tenant=acme', { node: '/moving/a/b', meter: 'drive.space', limit: 1000 })
    await on({ as: admin() }, '/t/acme/definitions/nodes?q=/moving/a', async (page) => {
      await page.click('tbody .btn:has-text("Edit")')
      await page.click('dialog .danger')
      await page.click('dialog footer .danger')
      await page.waitForSelector('dialog .fault li:has-text("/moving/a/b drive.space")')
      await page.keyboard.press('Escape')
      await page.waitForSelector('dialog', { state: 'detached' })
      await page.click('tbody .btn:has-text("Move")')
      await page.waitForSelector('dialog .goes dd')
      await page.fill('dialog input', '/moved/a')
      await page.click('dialog button:has-text("Check")')
      await page.waitForSelector('dialog .goes .good')
      await noSeriousFault(page)
      assert.equal((await server.call('GET', '/quotas?tenant=acme&node=/moving/a/b')).items.length, 1)
      await page.click('dialog .primary')
      await page.waitForSelector('dialog p.good[role=status]')
      const { items } = await server.call('GET', '/quotas?tenant=acme&node=/moved/a/b')
      assert.equal(items.length, 1)
    })
  })

  test('definitions: a limit is previewed before it is changed, and a token is shown once and works', () =>
    on({ as: admin() }, '/t/acme/definitions/quotas?q=dept/legal', async (page) => {
      await page.click('tbody tr .btn')
      await page.locator('dialog input').nth(2).fill('1GiB')
      await page.click('dialog .primary')
      await page.waitForSelector('dialog .changes li')
      await page.waitForSelector('dialog .effect .bad')
      const limit = async () => (await server.call('GET', '/quotas?tenant=acme&node=/drive/dept/legal')).items[0].limit
      assert.equal(await limit(), 500 * 2 ** 30)
      await page.click('dialog .primary')
      await page.waitForSelector('dialog', { state: 'detached' })
      assert.equal(await limit(), 2 ** 30)
      await page.goto(server.url + '/console/t/acme/definitions/tokens')
      await page.click('button:has-text("New token")')
      await page.locator('dialog input').first().fill('e2e')
      await page.click('dialog .primary')
      await page.click('dialog button:has-text("Make the change")')
      const secret = (await page.locator('dialog pre').innerText()).trim()
      const answer = await fetch(server.url + '/api/v1/meters?limit=1', { headers: { Authorization: 'Bearer ' + secret } })
      assert.equal(answer.status, 200)
      await page.click('dialog button:has-text("I have kept it")')
      assert(!(await page.content()).includes(secret))
    }))

  test('definitions: a token that enforces is made so, shown so, and refuses what a quota has no room for', async () => {
    await server.call('PUT', '/quotas?tenant=acme', { node: '/enforced', meter: 'meeting.conferences', limit: 1 })
    await on({ as: admin() }, '/t/acme/definitions/tokens', async (page) => {
      await page.click('button:has-text("New token")')
      await page.locator('dialog input').first().fill('strict')
      await page.locator('dialog select').first().selectOption('ingester')
      await page.check('dialog input[type=checkbox]')
      await page.click('dialog .primary')
      await page.click('dialog button:has-text("Make the change")')
      const secret = (await page.locator('dialog pre').innerText()).trim()
      await page.click('dialog button:has-text("I have kept it")')
      await page.waitForSelector('tbody tr:has-text("strict"):has-text("yes")')
      assert.equal((await server.call('GET', '/tokens/strict?tenant=acme')).enforce, true)
      const send = async (id) => (await fetch(server.url + '/api/v1/events', { method: 'POST', headers: { Authorization: 'Bearer ' + secret, 'Content-Type': 'application/json' },
        body: JSON.stringify({ specversion: '1.0', id, source: 'strict', type: 'meeting.conference.started', subject: id, node: '/enforced' }) })).status
      assert.deepEqual([await send('s-1'), await send('s-2')], [204, 409])
    })
  })

  test('resources: grants are typed one a line, previewed, and raise the limit', async () => {
    await server.call('PUT', '/quotas?tenant=acme', { node: '/granted', meter: 'drive.space', limit: 1024 })
    await on({ as: admin() }, '/t/acme/resources?view=list', async (page) => {
      await page.click('button:has-text("New resource")')
      const field = (name) => page.locator('dialog .field', { hasText: name }).locator('input, textarea').first()
      await field('ID').fill('pack-2')
      await field('Node').fill('/granted')
      await page.fill('dialog [placeholder=LIVE_2D]', 'DRIVE_PACK')
      await page.fill('dialog textarea', 'drive.space, much')
      assert.equal(await page.locator('dialog .primary').isDisabled(), true)
      await page.fill('dialog textarea', 'drive.space, 4096')
      await page.click('dialog .primary')
      await page.waitForSelector('dialog .changes li')
      const limit = async () => (await server.call('GET', '/quotas?tenant=acme&node=/granted')).items[0].limit
      assert.equal(await limit(), 1024)
      await page.click('dialog .primary')
      await page.waitForSelector('dialog', { state: 'detached' })
      assert.equal(await limit(), 5120)
      await server.call('DELETE', '/resources/pack-2?tenant=acme')
    })
  })

  test('audit: a change shows before and after, and the ledger verifies', () =>
    on({ as: admin() }, '/t/acme/audit', async (page) => {
      await server.call('PUT', '/nodes?tenant=acme', { path: '/rtc/web', name: 'Web app two', aliases: { 'rtc.app': server.env.RTC_APP } })
      await page.reload()
      await page.click('li .line:has-text("/rtc/web")')
      await page.waitForSelector('ins:has-text("Web app two")')
      await page.click('button:has-text("Verify the ledger")')
      await page.waitForSelector('.proof.good', { timeout: 60_000 })
    }))

  for (const [vendor, least] of [['meeting', 5], ['koodrive', 15], ['zstack', 30], ['rtc', 35], ['metastudio', 1]])
    test(`vendor APIs: the ${vendor} command works as it is copied, and its answer is the one shown`, () =>
      on({ as: admin() }, `/t/acme/apis?vendor=${vendor}`, async (page) => {
        await page.waitForSelector('.json .origin')
        const shown = async () => JSON.parse((await page.locator('.json .line').allTextContents()).join('\n'))
        const command = await page.locator('pre').innerText()
        const { stdout } = await run('bash', ['-c', command], { env: { ...process.env, ...server.env } })
        assert.deepEqual(await shown(), JSON.parse(stdout))
        assert.match(await text(page, '.told .status'), /200/)
        assert((await page.locator('.json .origin').count()) >= least)
        // Every value that is underlined is, in the table of fields, the same.
        const values = await page.locator('.json .origin').evaluateAll((list) => list.map((b) => [b.title, b.textContent]))
        await page.click('button:has-text("Fields")')
        await page.waitForSelector('tbody tr')
        const rows = new Map(await page.locator('tbody tr').evaluateAll((list) => list.map((r) => [r.querySelector('.origin').title, r.querySelectorAll('td')[1].textContent.trim()])))
        for (const [name, value] of values) assert.equal(rows.get(name)?.replace(/ (GB|KB|B|min|s|d)$/, ''), value.replaceAll('"', ''), name)
        assert.equal(rows.size, values.length)
      }))

  test('vendor APIs: other parameters are sent, stand in the link, and a refusal is shown as it is', () =>
    on({ as: admin() }, '/t/acme/apis?vendor=rtc', async (page) => {
      await page.waitForSelector('.json .origin')
      const day = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10)
      await page.fill('[name=start_date]', day)
      await page.fill('[name=end_date]', day)
      assert((await text(page, 'pre')).includes(`start_date=${day}&end_date=${day}`))
      await page.press('[name=end_date]', 'Enter')
      await page.waitForFunction(() => document.querySelectorAll('.json .origin').length === 5)
      assert((await text(page, '.json')).includes(`"date": "${day}"`))
      assert(page.url().includes(`p.end_date=${day}`), page.url())
      await page.reload()
      await page.waitForFunction(() => document.querySelectorAll('.json .origin').length === 5)
      await page.click('.json .line:has-text("audio") .origin')
      await page.waitForSelector(`dialog h2:has-text("audio · ${day}")`)
      assert((await page.locator('dialog dl').innerText()).includes('rtc.duration'))
      await noSeriousFault(page)
      await page.keyboard.press('Escape')
      await page.fill('[name=app]', '<img src=x onerror=alert(1)>')
      await page.click('.params .primary')
      await page.waitForSelector('.told .status:has-text("400")')
      assert.match(await text(page, '.json'), /DATA\.100011001/)
      assert.equal(await page.locator('main img').count(), 0)
      for (const [name, part] of [['Go', 'ListRtcHistoryUsageRequest{'], ['Python', 'list_rtc_history_usage('], ['Java', '.listRtcHistoryUsage(']]) {
        await page.click(`.seg button:text-is("${name}")`)
        const code = await text(page, 'pre')
        for (const want of [part, server.env.HUAWEI_PROJECT_ID, server.url, JSON.stringify('<img src=x onerror=alert(1)>')]) assert(code.includes(want), code)
        assert(!code.includes(server.env.HUAWEI_SECRET_KEY))
      }
    }))

  test("vendor APIs: ZStack's queries are offered beside its usage", () =>
    on({ as: admin() }, '/t/acme/apis?vendor=zstack', async (page) => {
      await page.waitForSelector('.json .origin')
      await page.selectOption('select', 'QueryQuota')
      await page.waitForSelector('.json .line:has-text("inventories") ~ .line .origin')
      await page.selectOption('select', 'QueryIAM2Organization')
      await page.waitForSelector(`.json .line:has-text("${server.env.ZSTACK_ORGANIZATION}")`)
      assert.equal(await page.locator('.json .origin').count(), 0)
    }))

  test('vendor APIs: a viewer is answered as a viewer, and sees where the numbers come from all the same', () =>
    on({ as: viewer }, '/t/acme/apis?vendor=meeting', async (page) => {
      await page.waitForSelector('.told .status:has-text("403")')
      assert.match(await text(page, '.json'), /MMC\.111080002/)
      await page.click('button:has-text("Fields")')
      await page.waitForSelector('tbody tr:has-text("confLength")')
      await page.goto(server.url + '/console/t/acme/apis?vendor=zstack')
      await page.waitForSelector('.told .status:has-text("200")')
      await page.waitForSelector('.json .origin')
    }))

  test('vendor APIs: a number leads to its mapping, what was read, and the events behind it', async () => {
    // At whatever hour, the tenant's day has one.
    await server.call('POST', '/events?tenant=acme', { specversion: '1.0', id: 'today', source: 'behind', type: 'meeting.conference.ended', subject: 'today', data: { duration_seconds: 600 } })
    await on({ as: admin() }, '/t/acme/apis?vendor=meeting', async (page) => {
      // By keyboard: the value has the focus, and gets it back.
      await page.locator('.json .line:has-text("confLength") .origin').focus()
      await page.keyboard.press('Enter')
      await page.waitForSelector('dialog li a')
      const facts = await page.locator('dialog dl').innerText()
      for (const part of ['meeting.duration', 'today', '÷ 60', 'rounded down', '/v1/mmc/management/orgRes']) assert(facts.includes(part), facts)
      await page.keyboard.press('Escape')
      await page.waitForSelector('dialog', { state: 'detached' })
      assert.match(await page.evaluate(() => document.activeElement.getAttribute('title')), /confLength/)
      await page.keyboard.press('Enter')
      await page.click('dialog a:has-text("All events behind it")')
      await page.waitForSelector('.line:has-text("meeting.conference.ended")')
      assert.match(page.url(), /events\?meter=meeting\.duration&from=/)
      await page.goto(server.url + '/console/t/acme/apis?vendor=koodrive')
      await page.click('.json .line:has-text("spaceQuotaUsed") .origin')
      await page.click('dialog .chip:has-text("deptSpaceQuotaUsed")')
      await page.waitForSelector('dialog h2:has-text("deptSpaceQuotaUsed")')
    })
  })

  test('system: what the server measures of itself', () =>
    on({ as: asOperator(server) }, '/system', async (page) => {
      await page.waitForSelector('.chip.good')
      await page.waitForSelector('tbody td:has-text("POST /api/v1/events")')
    }))
})

describe('who sees what', () => {
  test('a viewer sees no way to change anything, and the API refuses it anyway', () =>
    on({ as: viewer }, '/t/acme/definitions/quotas', async (page, { context }) => {
      await page.waitForSelector('tbody tr')
      assert.equal(await page.locator('main .btn.primary, tbody .btn').count(), 0)
      assert.deepEqual(await page.locator('.tabs a').allInnerTexts(), ['Quotas', 'Nodes', 'Meters', 'Tenant'])
      await page.goto(server.url + '/console/t/acme/resources?view=list')
      await page.waitForSelector('.body-row')
      assert.equal(await page.locator('.body-row .btn').count(), 0)
      const refused = await context.request.put(server.url + '/api/v1/quotas', { headers: { 'X-Usance-Console': '1' }, data: { node: '/drive', meter: 'drive.space', limit: 1 } })
      assert.equal(refused.status(), 403)
    }))

  test('who is bound to a subtree sees it, without an error, and nothing beside it', async () => {
    await server.call('PUT', '/users/part?tenant=acme', { name: 'part', role: 'viewer', subtree: '/drive/dept', password: 'Only-a-part-of-it' })
    for (const path of ['/t/acme', '/t/acme?view=map', '/t/acme/usage?meter=drive.space', '/t/acme/resources', '/t/acme/resources?view=list', '/t/acme/events', '/t/acme/definitions', '/t/acme/definitions/nodes', '/t/acme/apis?vendor=koodrive'])
      await on({ as: { login: 'part@acme', password: 'Only-a-part-of-it' } }, path, async (page) => {
        await page.waitForLoadState('networkidle')
        assert.equal(await page.locator('.fault').count(), 0, path)
        assert(!(await page.locator('main').innerText()).includes('/meeting'), path)
      })
  })

  test("a tenant's admin never sees another tenant", () =>
    on({ as: admin() }, '/t/t-01', async (page) => {
      await page.waitForSelector('h3:has-text("no such tenant")')
      await page.goto(server.url + '/console/overview')
      await page.waitForSelector('h3:has-text("no such page")')
      assert(!(await page.content()).includes('Northwind'))
    }))
})

describe('what comes from outside is text', () => {
  test('hostile names run nothing and stay within their place', async () => {
    const name = '<script>alert(1)</script><img src=x onerror=alert(2)>\u202Egnp.exe'
    await server.call('POST', '/tenants', { id: 'hostile', name: name.slice(0, 200), timezone: 'UTC' })
    await server.call('POST', '/events?tenant=hostile', [
      { specversion: '1.0', id: 'x'.repeat(250), source: name, type: 'meeting.conference.started', subject: name, node: '/<b>bold<b>' },
      { specversion: '1.0', id: '2', source: 's', type: 'meeting.conference.ended', subject: 'long', data: { duration_seconds: 60, note: 'w'.repeat(10_000) } },
    ])
    await server.call('PUT', '/quotas?tenant=hostile', { node: '/<b>bold<b>', meter: 'meeting.conferences', limit: 1 })
    await server.call('PUT', '/nodes?tenant=hostile', { path: '/<b>bold<b>', name, aliases: { 'zstack.organization': '<img src=x onerror=alert(3)>' } })
    for (const path of ['/overview', '/t/hostile', '/t/hostile/events', '/t/hostile/usage?meter=meeting.conferences&by=subject', '/t/hostile/definitions/quotas', '/t/hostile/audit', '/t/hostile?view=map', '/t/hostile/apis?vendor=zstack'])
      await on({ as: asOperator(server), size: phone }, path, async (page) => {
        await page.waitForLoadState('networkidle')
        assert.equal(await page.locator('main script, main img, main b b').count(), 0)
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, path)
      })
    await on({ as: asOperator(server) }, '/t/hostile/events', async (page) => {
      await page.click('.line .link')
      await page.waitForSelector('dialog h2')
    })
  })

  test('amounts past 2^53 are shown to the last digit', async () => {
    await server.call('PUT', '/quotas?tenant=hostile', '{"node":"/big","meter":"drive.space","limit":9007199254740993}')
    await on({ as: asOperator(server) }, '/t/hostile/definitions/quotas?q=big', async (page) => {
      await page.waitForSelector('tbody tr')
      assert.match(await page.locator('.limit .num').getAttribute('title'), /9,007,199,254,740,993 B/)
      await page.click('tbody tr .btn')
      assert.equal(await page.locator('dialog input').nth(2).inputValue(), '9007199254740993')
    })
  })
})

describe('keyboard', () => {
  test('the first Tab skips to the content, and a dialog gives the focus back', () =>
    on({ as: admin() }, '/t/acme/definitions/quotas?q=eip', async (page) => {
      await page.waitForSelector('tbody tr')
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      assert.equal(await page.evaluate(() => document.activeElement.id), 'main')
      await page.locator('tbody .btn').focus()
      await page.keyboard.press('Enter')
      await page.waitForSelector('dialog')
      await noSeriousFault(page)
      await page.keyboard.press('Escape')
      await page.waitForSelector('dialog', { state: 'detached' })
      assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Edit')
    }))
})
