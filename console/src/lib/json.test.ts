import { expect, test } from 'vitest'
import { linesOf } from './json'

const joined = (text: string) =>
  linesOf(text)!.map((l) => '  '.repeat(l.depth) + (l.key ? l.key + ': ' : '') + l.text + (l.comma ? ',' : '')).join('\n')

test('a text is laid out as JSON.stringify does', () => {
  for (const v of [1, 'a', null, true, {}, [], { a: {} }, [[]], { a: [1, { b: 'x', c: [] }, [2, [3]]], '': 'empty', 'a"b\\': '},[:' }, { __proto__: 1, n: -1.5e30 }])
    expect(joined(JSON.stringify(v))).toBe(JSON.stringify(v, null, 2))
})

test('what was sent keeps its every character', () => {
  expect(joined('{"a":1.50,"b":9007199254740993,"c":"\\u0041\u202e"}')).toBe('{\n  "a": 1.50,\n  "b": 9007199254740993,\n  "c": "\\u0041\u202e"\n}')
})

test('each value knows its place', () => {
  const leaves = linesOf('{"usage":[{"date":"d","audio":1},{"audio":2}]}')!.filter((l) => l.leaf)
  expect(leaves.map((l) => l.path.join('.') + '=' + l.text)).toEqual(['usage.0.date="d"', 'usage.0.audio=1', 'usage.1.audio=2'])
})

test('what is no JSON has no lines', () => {
  for (const text of ['', 'no api mapping', '{', '{"a":1}x', '<b>']) expect(linesOf(text)).toBeUndefined()
})
