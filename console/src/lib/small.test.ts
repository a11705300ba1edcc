import { expect, test } from 'vitest'
import type { Meter, Quota } from '../api/client'
import { squarify } from '../charts/treemap'
import { en } from '../i18n/en'
import { zh } from '../i18n/zh'
import { csv } from './csv'
import { fullness } from './data'
import { readMap, writeMap } from './definitions'
import { differences } from './diff'
import { parseMetrics, quantile, sum } from './metrics'
import { countedBy } from './story'
import { childrenOf, lineage, within } from './tree'

test('every text is there in both languages, with the same places', () => {
  const places = (s: string) => [...new Set([...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]))].sort()
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    expect(zh[key], key).toBeTypeOf('string')
    expect(places(zh[key]), key).toEqual(places(en[key]))
  }
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort())
})

test('a treemap fills its box, and areas are in proportion', () => {
  const sizes = [50, 30, 10, 5, 3, 1, 1]
  const boxes = squarify(sizes, { x: 0, y: 0, w: 400, h: 200 })
  boxes.forEach((b, i) => expect(b.w * b.h).toBeCloseTo((sizes[i]! / 100) * 80_000, 3))
  for (const b of boxes) expect(b.x >= 0 && b.y >= 0 && b.x + b.w <= 400.001 && b.y + b.h <= 200.001).toBe(true)
  expect(squarify([], { x: 0, y: 0, w: 1, h: 1 })).toEqual([])
})

test('paths are compared segment by segment', () => {
  expect(within('/drive/dept', '/drive')).toBe(true)
  expect(within('/drives', '/drive')).toBe(false)
  expect(lineage('/a/b')).toEqual(['/', '/a', '/a/b'])
  expect(childrenOf(['/a', '/a/b', '/a/b/c', '/d/e', '/'], '/')).toEqual(['/a', '/d/e'])
  expect(childrenOf(['/a', '/a/b', '/a/b/c'], '/a')).toEqual(['/a/b'])
})

test('a quota is as full as what is used and reserved, and never less than empty', () => {
  const q = (node: string, used: number, reserved: number, limit: number | null) => ({ node, used, reserved, limit }) as Quota
  expect(fullness(q('/b', 10, 45, 100))).toBe(0.55)
  expect(fullness(q('/x', -5, 0, 10))).toBe(0)
  expect(fullness(q('/c', 99, 0, null))).toBeUndefined()
  expect(fullness(q('/d', 1, 0, 0))).toBe(Infinity)
})

test('cells that a spreadsheet would run are made text', () => {
  expect(csv([['=1+1', 'a"b', 'x,y', 5n, -3]])).toBe('\uFEFF\'=1+1,"a""b","x,y",5,-3\r\n')
})

test('maps are read as they are written', () => {
  const m = { 'huawei.project': '0123', b: 'x = y' }
  expect(readMap(writeMap(m))).toEqual(m)
  expect(readMap(' \n')).toEqual({})
})

test('differences name the members that changed', () => {
  expect(differences({ a: 1, b: { c: 'x', d: [1] } }, { a: 1, b: { c: 'y', d: [1] }, e: true })).toEqual([{ path: 'b.c', before: 'x', after: 'y' }, { path: 'e', before: undefined, after: 'true' }])
  expect(differences(undefined, { a: 1 })).toEqual([{ path: 'a', before: undefined, after: '1' }])
})

test('metrics are read with their labels, and quantiles lie in their bucket', () => {
  const s = parseMetrics('# HELP x\nx_total{a="b\\"c",d="e,f"} 3\nx_total 4\nh_bucket{le="0.1"} 50\nh_bucket{le="0.5"} 100\nh_bucket{le="+Inf"} 100\n')
  expect(s[0]!.labels).toEqual({ a: 'b"c', d: 'e,f' })
  expect(sum(s, 'x_total')).toBe(7)
  expect(quantile(s.filter((x) => x.name === 'h_bucket'), 0.75)).toBeCloseTo(0.3)
  expect(quantile([], 0.5)).toBeUndefined()
})

test('an event counts towards the meters that its type feeds', () => {
  const meters = [
    { name: 'space', unit: 'B', aggregation: 'level', events: [{ type: 'stored', amount: 'data.bytes' }, { type: 'deleted', amount: '-data.bytes' }], group_by: { kind: 'data.kind' } },
    { name: 'users', unit: '1', aggregation: 'unique', events: [{ type: 'stored' }] },
    { name: 'other', unit: '1', aggregation: 'count', events: [{ type: 'x' }] },
  ] as unknown as Meter[]
  expect(countedBy({ type: 'deleted', data: { bytes: 2n ** 60n, kind: 'log' } }, meters)).toMatchObject([{ amount: '-1152921504606846976', from: '-data.bytes', groups: { kind: 'log' } }])
  expect(countedBy({ type: 'stored', subject: 'u1', data: { bytes: 5 } }, meters).map((c) => c.amount)).toEqual(['5', 'u1'])
  expect(countedBy({ type: 'usance.gauge', data: { meter: 'space', value: 9 } }, meters)).toMatchObject([{ amount: '9' }])
})
