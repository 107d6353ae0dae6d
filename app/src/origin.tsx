// Where a value comes from: from what the record shows, back to each system's own words and the delivery they came in.

import type { Conflict, Origin, Statement } from './api'
import { Sheet } from './dialog'
import { ago, decimal, moment } from './format'
import { useAsk } from './live'
import { plain } from './names'
import { Await } from './parts'
import { Shared } from './signal'
import { Stream, nameOf, streamClass } from './streams'
import { say } from './strings'

export const originSubject = new Shared<{ type: string; id: string } | null>(null)

export function open(type: string, id: string): void {
  originSubject.set({ type, id })
}

export function OriginSheet({ type, id }: { type: string; id: string }) {
  const origin = useAsk<Origin>(`resource/${type}/${id}/origin`)
  return (
    <Sheet title={say.origin} close={() => originSubject.set(null)}>
      <Await asked={origin}>{(data) => <Path origin={data} />}</Await>
    </Sheet>
  )
}

function Path({ origin }: { origin: Origin }) {
  return (
    <>
      <p class="quiet">{origin.statements.length > 0 ? say.originIntro(origin.statements.length) : say.rules.none}</p>
      <div class="path">
        <ul class="said" role="list">{origin.statements.map((one) => <Said one={one} />)}</ul>
        <div class="became">
          <p class="label">{say.becameOne}</p>
          <p class="became-title">{plain(origin.code, origin.title)}</p>
          {origin.value && <p class="became-value">{decimal(origin.value)}</p>}
          <p class="quiet">{moment(origin.date)}</p>
        </div>
      </div>
      {origin.conflicts.map((conflict) => <ConflictCard conflict={conflict} />)}
      <details class="fold">
        <summary>{say.howFormed}</summary>
        <ul>{[ruleOf(origin), ...origin.notes].map((note) => <li>{note}</li>)}</ul>
      </details>
    </>
  )
}

function ruleOf(origin: Origin): string {
  if (origin.statements.length === 0) return say.rules.none
  if (origin.statements.length === 1) return say.rules.alone
  return origin.rule === 'observation' ? say.rules.reading : say.rules.claim
}

function Said({ one }: { one: Statement }) {
  return (
    <li class={`statement ${streamClass(one.source)}`} data-source={one.source}>
      <p class="statement-head"><Stream source={one.source} /><span class={`role role-${one.role}`}>{say.roles[one.role]}</span></p>
      {one.said && <p class="quote"><span class="spoken">{say.itSaid} </span>“{one.said}”</p>}
      {one.became && one.became !== one.said && <p class="quiet">{say.itMeans} <b>{decimal(one.became)}</b></p>}
      {one.note && <p class="quiet">{one.note}</p>}
      <p class="quiet">
        {one.called && <>{one.said ? say.calledIt : say.calledItFirst} “{one.called}”</>}
        {one.code && <> · {say.codedAs} <code>{one.code}</code>{one.system && ` (${one.system})`}</>}
        {one.date && <> · {say.itDated} {moment(one.date)}</>}
      </p>
      {one.delivery && (
        <p class="quiet delivery" title={moment(one.delivery.received)}>
          {say.arrived(ago(one.delivery.received))} {say.inFile} <code>{one.delivery.name}</code>
        </p>
      )}
      {one.original ? (
        <details class="fold">
          <summary>{say.original}</summary>
          {one.delivery?.path && <p class="quiet">{say.inFile} <code>{one.delivery.name}</code> {say.atPlace} <code>{one.delivery.path}</code></p>}
          <pre tabIndex={0} aria-label={`${say.original}: ${nameOf(one.source)}`}>{one.original}</pre>
        </details>
      ) : <p class="quiet">{say.notKept}</p>}
    </li>
  )
}

export function ConflictCard({ conflict }: { conflict: Conflict }) {
  return (
    <section class="conflict" aria-label={`${say.differs}: ${plain(conflict.code, conflict.title)}`}>
      <p class="conflict-title"><b>{plain(conflict.code, conflict.title)}</b> <span class="quiet">{moment(conflict.date)}</span></p>
      <ul class="sides" role="list">
        {conflict.sides.map((side) => (
          <li class={`side ${streamClass(side.sources[0] ?? '')}`}>
            <button type="button" class="side-open" aria-haspopup="dialog" onClick={() => open(side.type, side.id)}>
              <span class="quiet">{say.says(side.sources.map(nameOf).join(', '))}</span>
              <b class="side-value">{decimal(side.value)}</b>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
