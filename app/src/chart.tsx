// The trend: uPlot on a canvas, with the usual range as a band and disagreeing values as hollow rings.

import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import type { Series } from './api'
import { day, seconds } from './format'
import { locale, say } from './strings'

interface Props {
  series: Series
  at: number
  choose: (place: number) => void
}

export function Chart({ series, at, choose }: Props) {
  const frame = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const chosen = useRef(at)
  const dark = useDark()
  chosen.current = at
  useEffect(() => {
    const place = frame.current
    if (!place) return
    const plot = new uPlot(options(series, place, chosen, choose), data(series), place)
    chart.current = plot
    const watch = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: heightFor(place) }))
    watch.observe(place)
    return () => {
      watch.disconnect()
      plot.destroy()
      chart.current = null
    }
  }, [series, dark])
  useEffect(() => chart.current?.redraw(false), [at])
  const first = series.points[0]?.date ?? ''
  const last = series.points.at(-1)?.date ?? ''
  const label = say.chartOf(series.name, series.points.length, day(first), day(last))
  return (
    <figure class="chart">
      {series.lines.length > 1 && (
        <figcaption class="legend">{series.lines.map((line, place) => <span class={`line-${place}`}><i aria-hidden="true" />{line.label}</span>)}</figcaption>
      )}
      <div class="chart-frame" role="img" aria-label={label} ref={frame} />
    </figure>
  )
}

function useDark(): boolean {
  const query = matchMedia('(prefers-color-scheme: dark)')
  const [dark, setDark] = useState(query.matches)
  useEffect(() => {
    const changed = (): void => setDark(query.matches)
    query.addEventListener('change', changed)
    return () => query.removeEventListener('change', changed)
  }, [])
  return dark
}

function heightFor(place: HTMLElement): number {
  return Math.round(Math.min(320, Math.max(200, place.clientWidth * 0.5)))
}

function data(series: Series): uPlot.AlignedData {
  const numbers = series.lines.map((_, place) => series.points.map((point) => numberOr(point.values[place])))
  return [series.points.map((point) => seconds(point.date)), ...numbers]
}

function numberOr(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text)
}

function ink(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

function options(series: Series, place: HTMLElement, at: { current: number }, choose: (place: number) => void): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: ink('--quiet'), grid: { stroke: ink('--hair'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif',
  }
  return {
    width: place.clientWidth,
    height: heightFor(place),
    padding: [12, 28, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
    fmtDate: () => (date: Date) => date.toISOString(),
    scales: { x: { range: (_, low, high) => spread(low, high) }, y: { range: (_, low, high) => room(series, low, high) } },
    axes: [{ ...axis, size: 32, space: 70, values: (_, ticks) => tickDates(ticks) }, { ...axis, size: 44 }],
    series: [{}, ...series.lines.map((_, line) => stroke(line, place.clientWidth / series.points.length > 14))],
    hooks: {
      drawAxes: [(plot) => band(plot, series)],
      draw: [(plot) => marker(plot, series, at.current)],
      ready: [(plot) => plot.over.addEventListener('click', () => plot.cursor.idx != null && choose(plot.cursor.idx))],
    },
  }
}

function stroke(line: number, dots: boolean): uPlot.Series {
  const colour = ink(line === 0 ? '--accent' : '--accent-2')
  return {
    stroke: colour, width: 2, spanGaps: true,
    points: { show: dots, size: 7, fill: colour, stroke: ink('--paper'), width: 1.5 },
  }
}

/** At least a few days wide, so that readings of one day do not become a wall. */
function spread(low: number, high: number): uPlot.Range.MinMax {
  const margin = Math.max((high - low) * 0.04, 86400)
  return [low - margin, high + margin]
}

function room(series: Series, low: number, high: number): uPlot.Range.MinMax {
  const limits = series.lines.flatMap((line) => [line.low, line.high]).filter((limit) => limit !== null)
  const near = limits.filter((limit) => limit > low - (high - low || 1) * 2 && limit < high + (high - low || 1) * 2)
  const least = Math.min(low, ...near)
  const most = Math.max(high, ...near)
  const margin = (most - least) * 0.12 || Math.abs(most) * 0.1 || 1
  return [least >= 0 ? Math.max(0, least - margin) : least - margin, most + margin]
}

function tickDates(ticks: number[]): string[] {
  const span = (ticks.at(-1) ?? 0) - (ticks[0] ?? 0)
  const form: Intl.DateTimeFormatOptions =
    span > 86400 * 700 ? { year: 'numeric' } : span > 86400 * 80 ? { month: 'short', year: '2-digit' } : { day: 'numeric', month: 'short' }
  const write = new Intl.DateTimeFormat(locale(), form)
  const words = ticks.map((tick) => write.format(tick * 1000))
  return words.map((word, place) => (word === words[place - 1] ? '' : word))
}

function band(plot: uPlot, series: Series): void {
  const draw = plot.ctx
  draw.save()
  draw.fillStyle = ink('--band')
  for (const line of series.lines) {
    if (line.low === null && line.high === null) continue
    const { left, top, width, height } = plot.bbox
    const high = line.high === null ? top : plot.valToPos(line.high, 'y', true)
    const low = line.low === null ? top + height : plot.valToPos(line.low, 'y', true)
    const upper = Math.max(top, high)
    draw.fillRect(left, upper, width, Math.max(0, Math.min(top + height, low) - upper))
  }
  draw.restore()
}

function marker(plot: uPlot, series: Series, at: number): void {
  const draw = plot.ctx
  draw.save()
  series.points.forEach((point, place) => {
    if (place !== at && !point.differs) return
    point.values.forEach((value) => {
      if (value === null) return
      const x = plot.valToPos(seconds(point.date), 'x', true)
      const y = plot.valToPos(Number(value), 'y', true)
      draw.beginPath()
      draw.arc(x, y, (place === at ? 8 : 6) * devicePixelRatio, 0, Math.PI * 2)
      draw.strokeStyle = ink(point.differs ? '--warn' : '--ink')
      draw.lineWidth = 2 * devicePixelRatio
      draw.stroke()
    })
  })
  draw.restore()
}
