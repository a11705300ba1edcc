// A demo server of the built binary, and a browser looking at it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const bin = process.env.USANCE_BIN ?? fileURLToPath(new URL('../../bin/usance', import.meta.url))
const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Runs the binary until stop, and tells what its env file says once it serves. */
export async function startDemo() {
  assert(existsSync(bin), `there is no ${bin}: make build first, or name the binary in USANCE_BIN`)
  const dir = await mkdtemp(join(tmpdir(), 'usance-console-'))
  const file = join(dir, 'env')
  const child = spawn(bin, ['demo', '--listen', '127.0.0.1:0', '--data', join(dir, 'data'), '--env', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (d) => (said += d))
  const exited = new Promise((resolve) => child.on('exit', resolve))
  const env = await new Promise((resolve, reject) => {
    exited.then(() => reject(new Error('the server ended: ' + said)))
    const timer = setInterval(async () => {
      const text = existsSync(file) ? await readFile(file, 'utf8') : ''
      if (!text.endsWith('\n')) return
      clearInterval(timer)
      resolve(Object.fromEntries(text.trim().split('\n').map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1).replace(/^'|'$/g, '')])))
    }, 100)
  })
  const operator = (await readFile(join(dir, 'data', 'operator.token'), 'utf8')).trim()
  await refuseSome(env.USANCE_URL, operator)
  return {
    env, url: env.USANCE_URL, operator,
    async stop() {
      child.kill('SIGTERM')
      await exited
      await rm(dir, { recursive: true, force: true })
    },
    /** Calls the native API as the operator. */
    async call(method, path, body) {
      const answer = await fetch(env.USANCE_URL + '/api/v1' + path, {
        method, headers: { Authorization: 'Bearer ' + operator, ...(body ? { 'Content-Type': 'application/json' } : {}) }, body: body && (typeof body === 'string' ? body : JSON.stringify(body)),
      })
      const text = await answer.text()
      assert(answer.ok, `${method} ${path}: ${answer.status} ${text.slice(0, 400)}`)
      return text ? JSON.parse(text) : undefined
    },
  }
}

/** Sends events that the server does not take, so that there is something refused. */
async function refuseSome(url, operator) {
  const e = (id, data, more) => ({ specversion: '1.0', id, source: 'meetings/eu-2', type: 'meeting.conference.ended', subject: 'room-7', time: new Date(Date.now() - 3_600_000).toISOString().slice(0, 19) + 'Z', node: '/meeting', data, ...more })
  const send = async (...events) => {
    const answer = await fetch(url + '/api/v1/events?tenant=acme', { method: 'POST', headers: { Authorization: 'Bearer ' + operator, 'Content-Type': 'application/json' }, body: JSON.stringify(events) })
    assert(answer.status === 400 || answer.status === 409, `refused with ${answer.status}`)
  }
  await send({ ...e('c-1001', { bytes: 1 }), type: 'meeting.recording.stored', time: '1970-01-01T00:00:00Z' })
  for (let i = 0; i < 3; i++) await send(e('c-1002', { duration: 640 }), e('c-1003', { duration_seconds: '11 min' }))
  await send(e('c-1004', { duration_seconds: 60 }), e('c-1004', { duration_seconds: 61 }))
  await send({ ...e('c-1005', { duration_seconds: 60 }), node: 'meeting/eu' })
}

export async function startBrowser() {
  return chromium.launch({
    executablePath: browserPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  })
}

export const desktop = { width: 1440, height: 900 }
export const phone = { width: 390, height: 844 }

/** Opens a page as somebody. What a page must never do is collected in faults:
 * errors, refused styles or scripts, and requests to anywhere else. */
export async function open(browser, server, { as, lang = 'en', theme = 'light', size = desktop, scale = 1 } = {}) {
  const context = await browser.newContext({ viewport: size, deviceScaleFactor: scale, locale: lang === 'zh' ? 'zh-CN' : 'en-GB', timezoneId: 'Europe/Berlin', colorScheme: theme, acceptDownloads: true })
  const page = await context.newPage()
  const faults = []
  page.on('console', (m) => { if (m.type() === 'error' && !/status of (401|403|404|409|429)/.test(m.text())) faults.push('console: ' + m.text()) })
  page.on('pageerror', (e) => faults.push('page: ' + e.message))
  page.on('dialog', (d) => { faults.push('dialog: ' + d.message()); void d.dismiss() })
  page.on('request', (r) => { if (!r.url().startsWith(server.url) && !/^(data|blob):/.test(r.url())) faults.push('elsewhere: ' + r.url()) })
  if (as) {
    const answer = await context.request.post(server.url + '/console/session', { headers: { 'X-Usance-Console': '1' }, data: as })
    assert.equal(answer.status(), 200, await answer.text())
  }
  return { context, page, faults, go: (path) => page.goto(server.url + '/console' + path) }
}

export const asAdmin = (server) => ({ login: server.env.MEETING_ACCOUNT, password: server.env.MEETING_PASSWORD })
export const asOperator = (server) => ({ token: server.operator })

/** The pages, with what is there once they are. */
export const places = [
  { name: 'overview', path: '/overview', ready: '[role=row] a', as: 'operator' },
  { name: 'tenant', path: '/t/acme', ready: '.tile b' },
  { name: 'map', path: '/t/acme?view=map&node=/drive', ready: '.map .tile' },
  { name: 'usage', path: '/t/acme/usage?meter=rtc.duration&by=media&period=30d&compare=1', ready: '.chart canvas' },
  { name: 'resources', path: '/t/acme/resources', ready: '.days button' },
  { name: 'list', path: '/t/acme/resources?view=list', ready: '.body-row' },
  { name: 'events', path: '/t/acme/events', ready: '.line .link' },
  { name: 'refused', path: '/t/acme/events?view=refused', ready: 'tbody tr' },
  { name: 'definitions', path: '/t/acme/definitions/quotas', ready: 'tbody tr' },
  { name: 'audit', path: '/t/acme/audit', ready: 'li .line' },
  { name: 'apis', path: '/t/acme/apis?vendor=koodrive', ready: '.json .origin' },
  { name: 'system', path: '/system', ready: 'tbody tr', as: 'operator' },
]

/** Other tenants, so that the overview has something to show. */
export async function addTenants(server, many = 26) {
  const names = ['Northwind Traders', 'Lotus Health', 'Baltic Freight', '远山科技', 'Harbour Bank', 'Quill & Co', 'Sunrise Schools', '云帆教育', 'Delta Robotics', 'Meridian Media', 'Oakline Homes', 'Pioneer Labs', '星河影业', 'Cobalt Energy', 'Everest Travel', 'Fjord Foods', 'Garnet Games', '江南银行', 'Indigo Air', 'Juniper Retail', 'Kestrel Maps', 'Larkspur Legal', 'Monsoon Music', 'Nimbus Cloudworks', 'Opal Optics', 'Prairie Post']
  const zones = ['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Europe/London']
  const id = (i) => `t-${String(i + 1).padStart(2, '0')}`
  const share = (i) => [1.08, 0.94, 0.86, 0.81, 0.77, 0.71, 0.64, 0.6, 0.52, 0.47, 0.41, 0.36, 0.31, 0.27, 0.22, 0.18, 0.15, 0.11, 0.08, 0.05][i % 20]
  const now = Date.now()
  await server.call('POST', '/apply', {
    tenants: names.slice(0, many).map((name, i) => ({
      id: id(i), name, timezone: zones[i % zones.length],
      quotas: [{ node: '/drive', meter: 'drive.space', limit: '1000GiB' }, { node: '/meeting', meter: 'meeting.recording', limit: '500GiB', enforce: 'soft' }],
      resources: i % 3 === 0 ? [{ id: 'p-1', business_type: 'LIVE_2D', charging_mode: 'PERIODIC', source: 'PURCHASED', amount: 4, unit: 'CHANNEL', expires: new Date(now + (1 + (i % 6)) * 86_400_000 + 3_600_000).toISOString().slice(0, 19) + 'Z' }] : [],
    })),
  })
  for (let i = 0; i < many; i++) {
    const e = (n, type, at, data, node) => ({ specversion: '1.0', id: `${n}`, source: 'seed', type, subject: `s-${n}`, time: new Date(at).toISOString(), node, data })
    const events = [e(1, 'drive.space.measured', now - 7_200_000, { bytes: Math.round(share(i) * 1000 * 2 ** 30) }, '/drive/all')]
    for (let k = 0; k < 12; k++) events.push(e(10 + k, 'meeting.conference.ended', now - (k % 2 ? 86_400_000 : 0) - 60_000 * (5 + 13 * k), { duration_seconds: 900 + ((i * 37 + k * 211) % 4200) }, '/meeting'))
    await server.call('POST', `/events?tenant=${id(i)}`, events)
  }
}
