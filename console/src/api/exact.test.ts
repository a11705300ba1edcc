import { expect, test } from 'vitest'
import { big, parseExact, writeExact } from './exact'

test('whole numbers past 2^53 keep every digit', () => {
  const text = '{"a":9007199254740993,"b":[170141183460469231731687303715884105727,-9223372036854775808],"c":12}'
  expect(parseExact(text)).toEqual({ a: 9007199254740993n, b: [170141183460469231731687303715884105727n, -9223372036854775808n], c: 12 })
})

test('everything else is what JSON.parse makes of it', () => {
  for (const text of ['{"a":1.5,"b":"9007199254740993","c":null}', '["n:9007199254740993","\\"9007199254740993\\"",1234567890123456]', '{"9007199254740993":true,"e":1e300,"f":0.12345678901234567}', '"\\\\"'])
    expect(parseExact(text)).toEqual(JSON.parse(text))
})

test('texts that look like the mark of a large number stay texts', () => {
  const text = '{"x":"n:12","y":"nn:5","z":9007199254740993}'
  expect(parseExact(text)).toEqual({ x: 'n:12', y: 'nn:5', z: 9007199254740993n })
})

test('what is not JSON is refused, with long numbers too', () => {
  for (const text of ['{', '{"a":9007199254740993', '[9007199254740993,]']) expect(() => parseExact(text)).toThrow(SyntaxError)
})

test('large numbers are written as integers, and texts that look like their place are not', () => {
  expect(writeExact({ a: 2n ** 63n - 1n, b: '{"$big":0}', c: [1, 'x'] })).toBe('{"a":9223372036854775807,"b":"{\\"$big\\":0}","c":[1,"x"]}')
})

test('amounts become BigInts', () => {
  expect([big(3), big(5n), big(null), big(undefined)]).toEqual([3n, 5n, 0n, 0n])
})
