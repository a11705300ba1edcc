import { expect, test } from 'vitest'
import { knownAt, knownText } from './known'

test('a moment is read in the zone, with seconds or without, and written back', () => {
  expect(knownAt('2026-03-01T09:30', 'Asia/Shanghai')?.toISOString()).toBe('2026-03-01T01:30:00.000Z')
  expect(knownAt('2026-03-01T09:30:05.25', 'Asia/Shanghai')?.toISOString()).toBe('2026-03-01T01:30:05.250Z')
  expect(knownText(new Date('2026-03-01T01:30:59Z'), 'Asia/Shanghai')).toBe('2026-03-01T09:30')
})

test('what is no moment is none', () => {
  for (const text of [null, '', '2026-03-01', '2026-02-30T01:00', 'nowT00:00', '2026-03-01T09:30;']) expect(knownAt(text, 'UTC')).toBeUndefined()
})
