// Who looked, at what, when, and by which permission.

import { useState } from 'preact/hooks'
import type { Activity } from './api'
import { clock, day, dayKey } from './format'
import { useAsk } from './live'
import { Await } from './parts'
import { say } from './strings'

export function ActivityPage() {
  const [all, setAll] = useState(false)
  const activity = useAsk<Activity[]>(all ? 'activity?who=all' : 'activity')
  return (
    <>
      <h1>{say.activityTitle}</h1>
      <p class="lead">{say.activityIntro}</p>
      <div class="kinds" role="group" aria-label={say.show}>
        <button type="button" class="pill" aria-pressed={!all} onClick={() => setAll(false)}>{say.activityOthers}</button>
        <button type="button" class="pill" aria-pressed={all} onClick={() => setAll(true)}>{say.activityAll}</button>
      </div>
      <Await asked={activity}>
        {(data) => (data.length > 0 ? <Log entries={data} /> : <p class="empty">{all ? say.activityEmpty : say.activityOthersEmpty}</p>)}
      </Await>
    </>
  )
}

function Log({ entries }: { entries: Activity[] }) {
  const days = [...new Set(entries.map((entry) => dayKey(entry.at)))]
  return (
    <ol class="log" role="list">
      {days.map((date) => (
        <li class="log-day">
          <h2 class="day-name"><time dateTime={date}>{day(date)}</time></h2>
          <ul role="list">{entries.filter((entry) => dayKey(entry.at) === date).map((entry) => <Look key={entry.id} entry={entry} />)}</ul>
        </li>
      ))}
    </ol>
  )
}

function Look({ entry }: { entry: Activity }) {
  const self = entry.kind === 'patient'
  const who = self ? say.you2 : entry.who
  const verb = say.verbs[entry.verb] ?? say.verbOther
  const what = say.things[entry.type] ?? say.yourself
  const refused = entry.outcome !== 'ok'
  const counts = [entry.rows > 0 && say.rows(entry.rows), entry.times > 1 && say.times(entry.times)].filter(Boolean).join(' · ')
  return (
    <li class={`look ${self ? 'look-self' : 'look-other'} ${refused ? 'look-refused' : ''}`}>
      <time class="look-time" dateTime={entry.at}>{clock(entry.at)}</time>
      <div>
        <p class="look-what">{say.doing(who, verb, what)}{counts && <span class="quiet"> · {counts}</span>}</p>
        <p class="quiet">{refused ? `${say.refused}. ${say.refusedWhy}.` : `${say.why}: ${self ? say.whySelf : entry.why}`}</p>
      </div>
    </li>
  )
}
