// @ts-expect-error Node's own types are not among what the console needs.
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { alias, missing, pathOf, queryOf, rowName, vendors, type Have, type Sent } from './vendors'

const hostile = `a'b"c$(id)\`id\`\\ d/e?f&g=h\n`
const have = (of: Partial<Have> = {}): Have => ({
  tenant: { id: 'acme', name: 'Acme', timezone: 'UTC', aliases: { 'huawei.project': hostile, 'huawei.domain': hostile } } as Have['tenant'],
  nodes: [{ path: '/rtc', aliases: { 'rtc.app': hostile } }, { path: '/cloud', name: 'Cloud', aliases: { 'zstack.organization': hostile, 'huawei.project': 'part' } }],
  keys: [{ kind: 'aksk', id: hostile, user: 'ops' }] as Have['keys'], user: hostile, origin: 'http://127.0.0.1:8080', now: Date.UTC(2026, 2, 5, 12), ...of,
})
const all = (h: Have): Sent[] => vendors.flatMap((v) => v.operations.map((operation) => ({ have: h, operation, values: Object.fromEntries(operation.params(h).map((p) => [p.name, p.value])) })))
const vendorOf = (s: Sent) => vendors.find((v) => v.operations.includes(s.operation))!

test('what a tenant has is filled in, and what it lacks is named', () => {
  const rtc = all(have()).find((s) => s.operation.name === 'ListRtcHistoryUsage')!
  expect(queryOf(rtc)).toEqual({ metric: 'CommunicationDuration', app: hostile, start_date: '2026-02-26', end_date: '2026-03-04' })
  expect(pathOf(rtc)).toEqual({ project_id: hostile })
  expect(rtc.operation.params(rtc.have)[0]!.options!.map((o) => o.value)).toEqual([hostile, 'part'])
  const bare = have({ nodes: [], tenant: { id: 'acme', timezone: 'UTC' } as Have['tenant'] })
  expect(missing(bare, rtc.operation)).toEqual(['huawei.project', 'rtc.app'])
  expect(alias(bare, 'rtc.app')).toBeUndefined()
})

test('a hostile id stays one word of the command that is copied', () => {
  for (const s of all(have())) {
    const curl = vendorOf(s).snippets(s).find((x) => x.name === 'curl')!.text
    // The shell itself says what curl is called with.
    const words: string[] = execFileSync('bash', ['-c', `id() { echo RAN; }; curl() { printf '%s\\0' "$@" >&2; }\n{ ${curl}\n} 2>&1`], { encoding: 'utf8' }).split('\0')
    expect(words.join('\n')).not.toContain('RAN')
    const address = words.filter((w) => w.startsWith('http')).pop()!
    const url = new URL(address)
    for (const [name, value] of Object.entries(queryOf(s))) expect(url.searchParams.get(name)).toBe(value)
    for (const value of Object.values(pathOf(s))) expect(url.pathname.split('/').map(decodeURIComponent)).toContain(value)
    for (const word of words.filter((w) => w.startsWith('{'))) {
      const body = JSON.parse(word) as unknown
      expect(JSON.stringify(body)).toContain(JSON.stringify(hostile).slice(1, -1))
    }
  }
})

test('what is not known is a variable, in curl and in code', () => {
  for (const s of all(have({ nodes: [], keys: [], user: undefined, tenant: { id: 'acme', timezone: 'UTC' } as Have['tenant'] }))) {
    for (const { name, text } of vendorOf(s).snippets(s)) {
      expect(text, name).not.toContain('undefined')
      if (name === 'curl' && s.operation.path.includes('{')) expect(text).toMatch(/'"\$(ZSTACK_ORGANIZATION|HUAWEI_PROJECT_ID)"'/)
    }
  }
})

test('rows of an answer have names of their own', () => {
  expect(rowName({ field: 'vm.cpuNum.used' })).toBe('vm.cpuNum.used')
  expect(rowName({ field: 'audio', row: { date: '2026-03-01' } })).toBe('audio · 2026-03-01')
  expect(rowName({ field: 'resources.usage', row: { resource_id: 'r-1' } })).toBe('usage · r-1')
  expect(rowName({ field: 'resources_count.count', row: { business_type: 'A', charging_mode: 'B', resource_source: 'C' } })).toBe('A · B · C')
})
