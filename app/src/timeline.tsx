// One stem, many streams: everything that any system said, by clinical date, newest first.

import { useEffect, useState } from 'preact/hooks'
import type { Alert, Conflict, Entry, Kind, Source, Timeline } from './api'
import { ask } from './api'
import { ago, clock, day, dayKey, decimal, moment, whole } from './format'
import { SectionIcon } from './icons'
import { failed, useAsk } from './live'
import { ConflictCard, open } from './origin'
import { plain } from './names'
import { Await, Differs, Problem } from './parts'
import { From, Stream } from './streams'
import { say } from './strings'

export function TimelinePage({ sources }: { sources: Source[] | null }) {
  const [kind, setKind] = useState<Kind | ''>('')
  const timeline = useAsk<Timeline>(kind ? `timeline?kind=${kind}` : 'timeline')
  return (
    <>
      <h1>{say.timeline}</h1>
      <Streams sources={sources} />
      <Alerts />
      <Conflicts />
      <Kinds chosen={kind} choose={setKind} />
      <Await asked={timeline}>{(data) => <Stem key={kind} kind={kind} first={data} />}</Await>
    </>
  )
}

function Streams({ sources }: { sources: Source[] | null }) {
  if (sources === null) return <div class="flow flow-empty" />
  if (sources.length === 0) return <p class="empty">{say.noSources}</p>
  return (
    <section class="flow" aria-label={say.flow(sources.length)}>
      <p class="label">{say.flow(sources.length)}</p>
      <ul role="list">
        {sources.map((source) => (
          <li>
            <Stream source={source.name} />
            <span class="quiet">{say.entriesFrom(whole(source.records))}{source.latest && ` · ${say.streamLatest(ago(source.latest))}`}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Alerts() {
  const alerts = useAsk<Alert[]>('alerts')
  if (!alerts.data || alerts.data.length === 0) return null
  return (
    <section class="card alerts" aria-labelledby="alerts-title">
      <h2 id="alerts-title"><SectionIcon name="alert" />{say.alerts}</h2>
      {alerts.data.map((alert) => (
        <article class="alert">
          <p class="alert-title">{alert.title} <span class="quiet">{moment(alert.date)}</span></p>
          {alert.detail && <p>{alert.detail}</p>}
          {alert.evidence.length > 0 && (
            <p class="evidence">
              <span class="quiet">{say.evidence}</span>
              {alert.evidence.map((one) => (
                <button type="button" class="pill" aria-haspopup="dialog" onClick={() => open(one.type, one.id)}>
                  {decimal(one.value)} <span class="quiet">{day(one.date)}</span>
                </button>
              ))}
            </p>
          )}
        </article>
      ))}
    </section>
  )
}

function Conflicts() {
  const conflicts = useAsk<Conflict[]>('conflicts')
  const [all, setAll] = useState(false)
  if (!conflicts.data || conflicts.data.length === 0) return null
  const shown = all ? conflicts.data : conflicts.data.slice(0, 2)
  return (
    <section class="card differences" aria-labelledby="differences-title">
      <h2 id="differences-title"><SectionIcon name="differs" />{say.conflicts(conflicts.data.length)}</h2>
      <p class="quiet">{say.conflictsHint}</p>
      {shown.map((conflict) => <ConflictCard conflict={conflict} />)}
      {conflicts.data.length > 2 && (
        <button type="button" class="plain" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? say.showLess : say.showAll(conflicts.data.length)}
        </button>
      )}
    </section>
  )
}

const kinds: Kind[] = ['result', 'medicine', 'problem', 'allergy', 'vaccine', 'visit', 'procedure', 'report']

function Kinds({ chosen, choose }: { chosen: Kind | ''; choose: (kind: Kind | '') => void }) {
  return (
    <div class="kinds" role="group" aria-label={say.show}>
      {(['', ...kinds] as const).map((kind) => (
        <button type="button" class="pill" aria-pressed={kind === chosen} onClick={() => choose(kind)}>
          {kind ? say.kinds[kind] : say.everything}
        </button>
      ))}
    </div>
  )
}

function Stem({ first, kind }: { first: Timeline; kind: Kind | '' }) {
  const [older, setOlder] = useState<Timeline | null>(null)
  const [problem, setProblem] = useState<ReturnType<typeof failed> | null>(null)
  useEffect(() => setOlder(null), [first.next])
  const next = (older ?? first).next
  const more = (): void => {
    const query = new URLSearchParams({ before: next ?? '', ...(kind && { kind }) })
    ask<Timeline>(`timeline?${query}`).then(
      (page) => setOlder({ entries: [...(older?.entries ?? []), ...page.entries], next: page.next }),
      (trouble: unknown) => setProblem(failed(trouble)),
    )
  }
  const entries = [...first.entries, ...(older?.entries ?? [])]
  if (entries.length === 0) return <p class="empty">{say.timelineEmpty}</p>
  return (
    <>
      <ol class="stem" role="list">{byDay(entries).map(([key, group]) => <Day key={key} date={key} entries={group} />)}</ol>
      {problem && <Problem problem={problem} />}
      {next && <button type="button" class="wide" onClick={more}>{say.earlier}</button>}
    </>
  )
}

function byDay(entries: Entry[]): [string, Entry[]][] {
  const days = new Map<string, Entry[]>()
  for (const entry of entries) {
    const key = dayKey(entry.date)
    days.set(key, [...(days.get(key) ?? []), entry])
  }
  return [...days]
}

function Day({ date, entries }: { date: string; entries: Entry[] }) {
  const [all, setAll] = useState(false)
  const few = 6
  const shown = all || entries.length <= few + 1 ? entries : entries.slice(0, few)
  return (
    <li class="day">
      <h2 class="day-name">{date ? <time dateTime={date}>{day(date)}</time> : say.noDate}</h2>
      <ul role="list">{shown.map((entry) => <Row key={`${entry.type}/${entry.id}`} entry={entry} />)}</ul>
      {shown.length < entries.length && (
        <button type="button" class="plain day-more" onClick={() => setAll(true)}>{say.showAll(entries.length)}</button>
      )}
    </li>
  )
}

const usual = new Set(['final', 'completed', 'finished', 'current'])

function Row({ entry }: { entry: Entry }) {
  const title = plain(entry.code, entry.title)
  const status = usual.has(entry.status) ? '' : say.statuses[entry.status]
  return (
    <li class={`row kind-${entry.kind}`}>
      <p class="row-kind label">{say.kinds[entry.kind]}{clock(entry.date) && ` · ${clock(entry.date)}`}</p>
      <p class="row-title">
        <span class={entry.absent ? 'absent' : ''}>{title}</span>
        {entry.detail && <span class={entry.kind === 'result' ? 'row-value' : 'row-detail'}>{decimal(entry.detail)}</span>}
      </p>
      <p class="row-foot">
        <From type={entry.type} id={entry.id} sources={entry.sources} what={title} />
        {status && <span class="badge">{status}</span>}
        {entry.absent && <span class="badge">{say.absent}</span>}
        {entry.differs && <Differs />}
      </p>
    </li>
  )
}
