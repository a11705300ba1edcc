import { expect, test } from 'vitest'
import { civil, daysBetween, isoDate, midnight, parseDate, safeZone, startOfDay, startOfMonth } from './zone'

test('midnight is the first instant of the day, whatever the offset', () => {
  expect(midnight(2026, 11, 21, 'Asia/Shanghai').toISOString()).toBe('2026-11-20T16:00:00.000Z')
  expect(midnight(2026, 3, 5, 'Asia/Kathmandu').toISOString()).toBe('2026-03-04T18:15:00.000Z')
  expect(midnight(2026, 3, 5, 'UTC').toISOString()).toBe('2026-03-05T00:00:00.000Z')
})

test('days of 23 and 25 hours are whole days', () => {
  const length = (y: number, m: number, d: number, z: string) => (midnight(y, m, d + 1, z).getTime() - midnight(y, m, d, z).getTime()) / 3_600_000
  expect(length(2026, 3, 29, 'Europe/Berlin')).toBe(23)
  expect(length(2026, 10, 25, 'Europe/Berlin')).toBe(25)
  expect(length(2026, 3, 28, 'Europe/Berlin')).toBe(24)
})

test('where clocks skip midnight the day begins at the instant they skip to', () => {
  // In Chile clocks go from 23:59:59 to 01:00 in September.
  const at = midnight(2025, 9, 7, 'America/Santiago')
  expect(isoDate(at, 'America/Santiago')).toBe('2025-09-07')
  expect(isoDate(at.getTime() - 1, 'America/Santiago')).toBe('2025-09-06')
})

test('every day of a year begins at its own date, in zones of all kinds', () => {
  for (const zone of ['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Pacific/Apia']) {
    for (let d = 1; d <= 365; d++) {
      const at = midnight(2026, 1, d, zone)
      const date = new Date(Date.UTC(2026, 0, d)).toISOString().slice(0, 10)
      expect(isoDate(at, zone)).toBe(date)
      expect(isoDate(at.getTime() - 1, zone) < date).toBe(true)
    }
  }
})

test('days and months run over', () => {
  expect(startOfDay(Date.UTC(2026, 0, 1, 3), 'UTC', -1).toISOString()).toBe('2025-12-31T00:00:00.000Z')
  expect(startOfMonth(Date.UTC(2026, 0, 15), 'UTC', -1).toISOString()).toBe('2025-12-01T00:00:00.000Z')
  expect(daysBetween(Date.UTC(2026, 1, 27), Date.UTC(2026, 2, 1), 'UTC')).toBe(2)
})

test('dates are read in the zone, and only real ones', () => {
  expect(parseDate('2026-02-28', 'Asia/Shanghai')?.toISOString()).toBe('2026-02-27T16:00:00.000Z')
  expect(parseDate('2026-02-30', 'UTC')).toBeUndefined()
  expect(parseDate('yesterday', 'UTC')).toBeUndefined()
})

test('a zone the browser does not know is UTC', () => {
  expect([safeZone('Mars/Olympus'), safeZone(undefined), safeZone('Asia/Shanghai')]).toEqual(['UTC', 'UTC', 'Asia/Shanghai'])
  expect(civil(0, 'UTC')).toEqual({ y: 1970, m: 1, d: 1, h: 0, min: 0 })
})
