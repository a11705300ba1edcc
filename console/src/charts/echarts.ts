// The chart code, in a chunk of its own: only what the console draws with.
import { BarChart, LineChart } from 'echarts/charts'
import { AriaComponent, DataZoomComponent, GridComponent, TooltipComponent } from 'echarts/components'
import { init, use, type ECharts } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

export type { ECharts }

export function makeChart(node: HTMLElement): ECharts {
  use([BarChart, LineChart, GridComponent, TooltipComponent, DataZoomComponent, AriaComponent, CanvasRenderer])
  return init(node, null, { renderer: 'canvas' })
}
