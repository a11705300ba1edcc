import type { EChartsCoreOption } from 'echarts/core'
import { human, percent, when } from '../lib/show.svelte'
import { axisUnit, type Series } from '../lib/series'
import type { Window } from '../lib/period'
import { prefs } from '../lib/prefs.svelte'
import { colours, palette } from './palette'

export interface Drawn {
  series: (Series & { name: string; colour: string })[]
  past?: { name: string; values: bigint[] }
  starts: Date[]
  window: Window
  zone: string
  unit: string
  stacked: boolean
  line: boolean
  dark: boolean
  total: string // the word
}

export function label(at: Date, window: Window, zone: string, long = false): string {
  if (window === 'MONTH') return when(at, zone, long ? 'month' : 'monthShort')
  if (window === 'HOUR') return when(at, zone, 'hour')
  return when(at, zone, long ? 'weekday' : 'day')
}

export function colourOf(i: number, dark: boolean): string {
  const p = palette(dark)
  return p[i % p.length]!
}

export function usageOption(d: Drawn): EChartsCoreOption {
  const c = colours(d.dark)
  const sums = d.starts.map((_, i) => d.series.reduce((sum, s) => sum + s.values[i]!, 0n))
  let max = 0n
  for (const v of d.stacked ? sums : d.series.flatMap((s) => s.values)) if (v > max) max = v
  for (const v of d.past?.values ?? []) if (v > max) max = v
  const axis = axisUnit(max, d.unit)
  const scale = (v: bigint) => Number(v) / axis.size
  const many = d.starts.length
  const series: Record<string, unknown>[] = d.series.map((s) => ({
    name: s.name, type: d.line ? 'line' : 'bar', stack: d.stacked ? 'all' : undefined, data: s.values.map(scale), color: s.colour,
    ...(d.line
      ? { showSymbol: many < 2, symbolSize: 5, lineStyle: { width: 2 }, areaStyle: d.stacked ? { opacity: 0.22 } : undefined }
      : { barMaxWidth: 34, barCategoryGap: many > 60 ? '12%' : '28%' }),
    emphasis: { disabled: true },
  }))
  if (d.past) series.push({ name: d.past.name, type: 'line', data: d.past.values.map(scale), color: c.ghost, showSymbol: false, lineStyle: { width: 1.5, type: [4, 4] }, z: 5, emphasis: { disabled: true } })
  return {
    animationDuration: 250,
    animationDurationUpdate: 0,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: c.text },
    grid: { left: 4, right: 10, top: 30, bottom: many > 40 ? 40 : 8, containLabel: true },
    xAxis: {
      type: 'category', data: d.starts.map((s) => label(s, d.window, d.zone)), axisTick: { show: false }, axisLine: { lineStyle: { color: c.line } },
      axisLabel: { color: c.text, fontSize: 11.5, hideOverlap: true, margin: 12 },
    },
    yAxis: {
      type: 'value', name: axis.name, nameTextStyle: { color: c.text, align: 'right', padding: [0, 6, 4, 0] }, splitLine: { lineStyle: { color: c.line } }, splitNumber: 4,
      minInterval: d.unit === '1' ? 1 : undefined,
      axisLabel: { color: c.text, fontSize: 11.5, formatter: (v: number) => new Intl.NumberFormat(prefs.locale, { notation: Math.abs(v) >= 1e6 ? 'compact' : 'standard', maximumFractionDigits: 2 }).format(v) },
    },
    dataZoom: [
      { type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: true, preventDefaultMouseMove: false },
      ...(many > 40 ? [{ type: 'slider', height: 18, bottom: 4, borderColor: 'transparent', backgroundColor: 'transparent', fillerColor: d.dark ? 'rgba(88,201,192,.14)' : 'rgba(11,107,104,.10)', dataBackground: { lineStyle: { color: c.line, width: 1 }, areaStyle: { color: c.line } }, selectedDataBackground: { lineStyle: { color: c.ghost }, areaStyle: { color: c.ghost, opacity: 0.25 } }, handleStyle: { color: c.surface, borderColor: c.ghost }, moveHandleSize: 0, showDetail: false, brushSelect: true }] : []),
    ],
    tooltip: {
      trigger: 'axis', axisPointer: { type: d.line ? 'line' : 'shadow', lineStyle: { color: c.ghost }, shadowStyle: { color: d.dark ? 'rgba(255,255,255,.05)' : 'rgba(20,26,34,.05)' } },
      className: 'tip', borderWidth: 0, padding: 0, backgroundColor: 'transparent', shadowBlur: 0, shadowColor: 'transparent', confine: true, transitionDuration: 0,
      formatter: (items: { dataIndex: number }[]) => tip(d, items[0]?.dataIndex ?? 0),
    },
    series,
  }
}

// The tip is made of elements, not of HTML text: names come from outside, and the
// page's policy allows no styles written inline.
function tip(d: Drawn, i: number): HTMLElement {
  const box = document.createElement('div')
  box.className = 'tip-box'
  const head = document.createElement('b')
  head.textContent = label(d.starts[i]!, d.window, d.zone, true)
  box.append(head)
  const list = document.createElement('dl')
  const line = (name: string, value: string, colour?: string, strong = false) => {
    const dt = document.createElement('dt')
    const dot = document.createElement('i')
    if (colour) dot.style.setProperty('background', colour)
    dt.append(dot, name.length > 44 ? name.slice(0, 44) + '…' : name)
    const dd = document.createElement('dd')
    dd.textContent = value
    if (strong) dt.className = dd.className = 'strong'
    list.append(dt, dd)
  }
  const sorted = d.series.filter((s) => s.values[i] !== 0n || d.series.length === 1).sort((a, b) => (b.values[i]! > a.values[i]! ? 1 : -1))
  for (const s of sorted) line(s.name, human(s.values[i], d.unit), s.colour)
  const sum = d.series.reduce((x, s) => x + s.values[i]!, 0n)
  if (d.stacked && d.series.length > 1) line(d.total, human(sum, d.unit), undefined, true)
  const was = d.past?.values[i]
  if (d.past && was !== undefined) {
    const base = d.stacked ? sum : (d.series[0]?.values[i] ?? 0n)
    line(d.past.name, human(was, d.unit) + (was > 0n ? ` (${percent(Number((base * 1000n) / was) / 1000)})` : ''), colours(d.dark).ghost)
  }
  box.append(list)
  return box
}
