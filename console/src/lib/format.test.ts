import { expect, test } from 'vitest'
import { amountOf, change, exact, human, parseLimit, percent, share, typed } from './format'

test('bytes are shown in powers of 1024', () => {
  expect([0, 1, 1023, 1024, 1536, 10 * 2 ** 30, 2 ** 40].map((v) => human(v, 'B', 'en'))).toEqual(['0 B', '1 B', '1,023 B', '1 KiB', '1.5 KiB', '10 GiB', '1 TiB'])
  expect(human(2n ** 40n - 1n, 'B', 'en')).toBe('1 TiB')
  expect(human(-(2n ** 31n), 'B', 'en')).toBe('-2 GiB')
  expect(human(2n ** 100n, 'B', 'en')).toBe('1,048,576 YiB')
})

test('seconds are shown as seconds, minutes or hours', () => {
  expect([0, 59, 60, 90, 3599, 3600, 5400, 360_000].map((v) => human(v, 's', 'en'))).toEqual(['0 s', '59 s', '1 min', '1.5 min', '60 min', '1 h', '1.5 h', '100 h'])
})

test('counts are whole, and compact when they are large', () => {
  expect(human(999_999, '1', 'en')).toBe('999,999')
  expect(human(12_345_678, '1', 'en')).toBe('12.35M')
  expect(human(12_345_678, '1', 'zh-CN')).toBe('1235万')
  expect(human(12, 'seats', 'en')).toBe('12 seats')
})

test('the exact form has every digit', () => {
  expect(exact(9007199254740993n, 'B', 'en')).toBe('9,007,199,254,740,993 B')
  expect(exact(2n ** 127n - 1n, '1', 'en')).toBe('170,141,183,460,469,231,731,687,303,715,884,105,727')
})

test('a share is of the limit, never negative, and absent without one', () => {
  expect(share(50, 200)).toBe(0.25)
  expect(share(-5, 200)).toBe(0)
  expect(share(1, null)).toBeUndefined()
  expect(share(0, 0)).toBeUndefined()
  expect(share(1, 0)).toBe(Infinity)
})

test('99.9 % is not shown as full', () => {
  expect([0, 0.004, 0.5, 0.999, 1, 1.2, 50, undefined].map((x) => percent(x, 'en'))).toEqual(['0%', '0.4%', '50%', '99%', '100%', '120%', '>999%', '–'])
})

test('a change says its direction, and nothing when there was nothing', () => {
  expect(change(120, 100, 'en')).toEqual({ text: '+20%', sign: 1 })
  expect(change(60, 100, 'en')).toEqual({ text: '−40%', sign: -1 })
  expect(change(100_001, 100_000, 'en')).toEqual({ text: '±0%', sign: 0 })
  expect(change(5, 0, 'en')).toBeUndefined()
})

test('limits are read as people type them', () => {
  expect(parseLimit(' unlimited ')).toBeNull()
  expect(parseLimit('')).toBeUndefined()
  expect(parseLimit('9,007,199,254,740,993')).toBe(9007199254740993n)
  expect(parseLimit('10GiB')).toBe('10GiB')
  expect(amountOf('10 GiB')).toBe(10n << 30n)
  expect(amountOf('90min')).toBe(5400n)
  expect(amountOf('ten')).toBeUndefined()
})

test('a limit typed again is the same limit', () => {
  for (const [v, unit] of [[10n << 30n, 'B'], [5400n, 's'], [12345n, 'B'], [0n, 'B'], [2n ** 62n, 'B'], [7n, '1']] as const) expect(amountOf(typed(v, unit))).toBe(v)
  expect(amountOf(typed(null, 'B'))).toBeNull()
})
