// Share, pause, stop: who may see what, until when; every change takes effect at once.

import { useState } from 'preact/hooks'
import type { Made, Share, Shares } from './api'
import { tell } from './api'
import { ago, day } from './format'
import { SectionIcon } from './icons'
import { failed, refresh, useAsk } from './live'
import { Await, Problem } from './parts'
import { Handover, ShareForm } from './shareform'
import { say } from './strings'

export function SharingPage() {
  const shares = useAsk<Shares>('shares')
  const [made, setMade] = useState<Made | null>(null)
  const done = (one: Made): void => {
    setMade(one)
    refresh()
  }
  return (
    <>
      <h1>{say.shareTitle}</h1>
      <p class="lead">{say.shareIntro}</p>
      <Await asked={shares}>
        {(data) => (
          <>
            <Now shares={data.shares.filter((share) => share.state === 'active' || share.state === 'paused')} />
            <ShareForm categories={data.categories} usual={data.usual} done={done} />
            <Past shares={data.shares.filter((share) => share.state === 'stopped' || share.state === 'ended')} />
          </>
        )}
      </Await>
      {made && <Handover made={made} close={() => setMade(null)} />}
    </>
  )
}

function Now({ shares }: { shares: Share[] }) {
  if (shares.length === 0) return <p class="empty">{say.shareEmpty}</p>
  return <ul class="shares" role="list">{shares.map((share) => <ShareCard key={share.id} share={share} />)}</ul>
}

function Past({ shares }: { shares: Share[] }) {
  if (shares.length === 0) return null
  return (
    <details class="fold past">
      <summary>{say.past} ({shares.length})</summary>
      <ul class="shares" role="list">{shares.map((share) => <ShareCard key={share.id} share={share} />)}</ul>
    </details>
  )
}

function whatOf(categories: string[]): string {
  return categories.map((one) => say.categories[one] ?? one).join(', ')
}

function ShareCard({ share }: { share: Share }) {
  const [asking, setAsking] = useState(false)
  const [problem, setProblem] = useState<ReturnType<typeof failed> | null>(null)
  const live = share.state === 'active' || share.state === 'paused'
  const act = (verb: 'pause' | 'resume' | 'stop'): void => {
    setAsking(false)
    tell<Share>(`shares/${share.id}/${verb}`).then(
      () => { setProblem(null); refresh() },
      (trouble: unknown) => setProblem(failed(trouble)),
    )
  }
  return (
    <li class={`card share share-${share.state}`}>
      <header class="share-head">
        <h2>{share.name}</h2>
        <span class="state" role="status" aria-label={say.stateNow(share.name, say.states[share.state])}>{say.states[share.state]}</span>
      </header>
      <p>{live ? say.canSee(whatOf(share.categories)) : say.couldSee(whatOf(share.categories))}{share.since && ` ${say.sinceDay(day(share.since))}`}</p>
      <p class="quiet">
        {share.state === 'paused' && `${say.seesNothing} · `}{live && `${left(share.until)} · `}
        {say.looked(share.looked)}{share.last && `, ${say.lookedLast(ago(share.last))}`}
      </p>
      {problem && <Problem problem={problem} />}
      {live && !asking && (
        <p class="share-acts">
          {share.state === 'active'
            ? <button type="button" onClick={() => act('pause')}><SectionIcon name="pause" />{say.pause}</button>
            : <button type="button" class="strong" onClick={() => act('resume')}><SectionIcon name="play" />{say.resume}</button>}
          <button type="button" class="danger" onClick={() => setAsking(true)}><SectionIcon name="stop" />{say.stop}</button>
        </p>
      )}
      {asking && (
        <div class="share-sure" role="group" aria-label={say.stop}>
          <p>{say.stopSure(share.name)}</p>
          <p class="share-acts">
            <button type="button" onClick={() => setAsking(false)}>{say.stopNo}</button>
            <button type="button" class="danger-full" ref={(button) => button?.focus()} onClick={() => act('stop')}>{say.stopYes}</button>
          </p>
        </div>
      )}
    </li>
  )
}

function left(until: string): string {
  const days = Math.ceil((Date.parse(until) - Date.now()) / 86400000)
  return days <= 1 ? say.lastDay : say.daysLeft(days)
}
