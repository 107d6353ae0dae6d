// The last readings as one small stroke; decoration, since the card says the newest value in words.

import type { Series } from './api'
import { seconds } from './format'

const width = 96
const height = 32
const most = 60

export function Sparkline({ series }: { series: Series }) {
  const points = series.points.slice(-most).filter((point) => point.values[0] !== null && point.values[0] !== undefined)
  if (points.length < 2) return <span class="spark" />
  const times = points.map((point) => seconds(point.date))
  const lines = series.lines.map((_, place) => points.map((point) => Number(point.values[place] ?? Number.NaN)))
  const all = lines.flat().filter((value) => !Number.isNaN(value))
  const x = scale(Math.min(...times), Math.max(...times), 3, width - 3)
  const y = scale(Math.min(...all), Math.max(...all), height - 4, 4)
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
      {lines.map((values) => {
        const placed = values.flatMap((value, place) => (Number.isNaN(value) ? [] : [[x(times[place] ?? 0), y(value)] as const]))
        const end = placed.at(-1)
        return (
          <>
            <polyline points={placed.map((pair) => pair.map((part) => part.toFixed(1)).join(',')).join(' ')} />
            {end && <circle cx={end[0]} cy={end[1]} r="2.6" />}
          </>
        )
      })}
    </svg>
  )
}

function scale(low: number, high: number, from: number, to: number): (value: number) => number {
  return (value) => (high === low ? (from + to) / 2 : from + ((value - low) / (high - low)) * (to - from))
}
