// Results: a card with a small line for each measurement; one tap opens the chart and the table.

import { useState } from 'preact/hooks'
import type { Line, Point, Series } from './api'
import { Chart } from './chart'
import { clock, day, decimal, moment } from './format'
import { SectionIcon } from './icons'
import { useAsk } from './live'
import { plain } from './names'
import { Await, Differs } from './parts'
import { href } from './route'
import { Sparkline } from './sparkline'
import { From } from './streams'
import { say } from './strings'

interface Results {
  series: Series[]
}

export function ResultsPage({ chosen }: { chosen: string }) {
  const results = useAsk<Results>('results')
  return (
    <Await asked={results}>
      {(data) => {
        const named = data.series.map(inPlainWords)
        const one = named.find((series) => series.key === chosen)
        return one ? <One series={one} /> : <All series={named} />
      }}
    </Await>
  )
}

/** The source's name stays findable: the search looks at both. */
function inPlainWords(series: Series): Series {
  const lines = series.lines.map((line) => ({ ...line, label: plain(line.code, line.label) }))
  return { ...series, name: plain(series.code, series.name), called: series.name, lines }
}

function All({ series }: { series: Series[] }) {
  const [wish, setWish] = useState('')
  const found = series.filter((one) => `${one.name} ${one.called} ${one.code}`.toLowerCase().includes(wish.trim().toLowerCase()))
  const groups = [...new Set(found.map((one) => one.category))]
  return (
    <>
      <h1>{say.results}</h1>
      {series.length === 0 ? <p class="empty">{say.resultsEmpty}</p> : (
        <label class="find">
          <span class="label">{say.resultsFilter}</span>
          <input type="search" value={wish} onInput={(event) => setWish(event.currentTarget.value)} autocomplete="off" />
        </label>
      )}
      {series.length > 0 && found.length === 0 && <p class="empty" role="status">{say.resultsNone}</p>}
      {groups.map((group) => (
        <section aria-label={say.groups[group] ?? group}>
          <h2 class="group">{say.groups[group] ?? group}</h2>
          <ul class="cards" role="list">
            {found.filter((one) => one.category === group).map((one) => <Card key={one.key} series={one} />)}
          </ul>
        </section>
      ))}
    </>
  )
}

function Card({ series }: { series: Series }) {
  const last = series.points.at(-1)
  if (!last) return null
  const flag = outside(series, last)
  return (
    <li class="card result">
      <a class="result-link" href={href(`results/${encodeURIComponent(series.key)}`)}>
        <span class="result-name">{series.name}</span>
        <span class="result-line">
          <span class="result-value">{valueOf(last)}<small> {unitOf(series)}</small></span>
          <Sparkline series={series} />
        </span>
        <span class="quiet result-when">{day(last.date)} · {say.measured(series.points.length)}</span>
      </a>
      <span class="result-foot">
        <From type={last.type} id={last.id} sources={last.sources} what={series.name} />
        {flag && <span class="badge badge-out">{flag}</span>}
        {series.points.some((point) => point.differs) && <Differs />}
      </span>
    </li>
  )
}

function One({ series }: { series: Series }) {
  const [at, setAt] = useState(series.points.length - 1)
  const point = series.points[Math.min(at, series.points.length - 1)]
  const [many, setMany] = useState(24)
  const newest = [...series.points].reverse()
  const charted = series.points.some((one) => one.values.some((value) => value !== null))
  if (!point) return null
  return (
    <>
      <p class="crumb"><a href={href('results')}><SectionIcon name="back" />{say.back}</a></p>
      <h1>{series.name}</h1>
      <Readout series={series} point={point} />
      {charted && <Chart series={series} at={at} choose={setAt} />}
      {charted && series.points.length > 1 && (
        <p class="steps">
          <button type="button" disabled={at <= 0} onClick={() => setAt(at - 1)}><SectionIcon name="back" />{say.older}</button>
          <button type="button" disabled={at >= series.points.length - 1} onClick={() => setAt(at + 1)}>{say.newer}<SectionIcon name="next" /></button>
        </p>
      )}
      <h2 class="group" id="table-title">{say.table}</h2>
      <table class="values" aria-labelledby="table-title">
        <thead><tr><th scope="col">{say.date}</th><th scope="col" class="num">{say.value}</th><th scope="col">{say.source}</th></tr></thead>
        <tbody>{newest.slice(0, many).map((one) => <TableRow series={series} point={one} />)}</tbody>
      </table>
      {newest.length > many && <button type="button" class="wide" onClick={() => setMany(many * 4)}>{say.more}</button>}
    </>
  )
}

function Readout({ series, point }: { series: Series; point: Point }) {
  const flag = outside(series, point)
  return (
    <div class="readout" aria-live="polite">
      <p class="readout-value">{valueOf(point)} <small>{unitOf(series)}</small></p>
      <p class="quiet">{moment(point.date)}</p>
      {series.lines.map((line) => range(line) && (
        <p class="quiet range">{series.lines.length > 1 && `${line.label}: `}{range(line)}</p>
      ))}
      <p class="readout-foot">
        <From type={point.type} id={point.id} sources={point.sources} what={`${series.name} ${valueOf(point)}`} />
        {flag && <span class="badge badge-out">{flag}</span>}
        {point.differs && <Differs />}
      </p>
    </div>
  )
}

function TableRow({ series, point }: { series: Series; point: Point }) {
  return (
    <tr class={point.differs ? 'row-differs' : ''}>
      <th scope="row"><time dateTime={point.date}>{day(point.date)} <span class="quiet">{clock(point.date)}</span></time></th>
      <td class="num">{valueOf(point)}{point.differs && <Differs />}</td>
      <td><From type={point.type} id={point.id} sources={point.sources} what={`${series.name} ${valueOf(point)}`} /></td>
    </tr>
  )
}

function valueOf(point: Point): string {
  const numbers = point.values.map((value) => (value === null ? '–' : decimal(value)))
  return point.values.some((value) => value !== null) ? numbers.join(' / ') : point.text
}

function unitOf(series: Series): string {
  return series.lines[0]?.unit ?? ''
}

function range(line: Line): string {
  if (line.low !== null && line.high !== null) return say.usual(decimal(String(line.low)), decimal(String(line.high)), line.unit)
  if (line.high !== null) return say.usualUp(decimal(String(line.high)), line.unit)
  return line.low !== null ? say.usualDown(decimal(String(line.low)), line.unit) : ''
}

function outside(series: Series, point: Point): string {
  const judged = series.lines.map((line, place) => {
    const value = point.values[place]
    if (value === null || value === undefined) return ''
    if (line.high !== null && Number(value) > line.high) return say.above
    return line.low !== null && Number(value) < line.low ? say.below : ''
  })
  return judged.find(Boolean) ?? ''
}
