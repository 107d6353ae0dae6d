// The shell: who it is, where one can go, and the one place where news is spoken.

import { useEffect, useRef, useState } from 'preact/hooks'
import { ActivityPage } from './activity'
import type { Me, Source } from './api'
import { day } from './format'
import { useAsk } from './live'
import { Mark, SectionIcon } from './icons'
import { OriginSheet, originSubject } from './origin'
import { Problem } from './parts'
import { ResultsPage } from './results'
import { href, useRoute } from './route'
import { SharingPage } from './sharing'
import { language, languages, say, speak } from './strings'
import { order } from './streams'
import { TimelinePage } from './timeline'

const sections = [
  { path: '', name: say.timeline, icon: 'timeline' },
  { path: 'results', name: say.results, icon: 'results' },
  { path: 'sharing', name: say.sharing, icon: 'sharing' },
  { path: 'activity', name: say.activity, icon: 'activity' },
] as const

export function App() {
  const path = useRoute()
  const me = useAsk<Me>('me')
  const sources = useAsk<Source[]>('sources')
  order(sources.data ?? [])
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const section = path.split('/')[0] ?? ''
  const subject = originSubject.use()
  useEffect(() => {
    const title = sections.find((one) => one.path === section)?.name
    document.title = title ? `${title} · mainstem` : 'mainstem'
    if (!first.current) main.current?.focus()
    if (!first.current) scrollTo(0, 0)
    first.current = false
  }, [path])
  const out = me.problem?.status === 401
  return (
    <>
      <a class="skip" href="#main">{say.skip}</a>
      <div class="shell">
        <header class="head">
          <a class="brand" href={href('')}><Mark /><span>mainstem</span></a>
          <div class="who">
            <p class="who-name">{me.data ? me.data.name : ' '}</p>
            <p class="quiet">{me.data?.born ? say.born(day(me.data.born)) : ' '}</p>
          </div>
        </header>
        <nav class="nav" aria-label={say.sections}>
          {sections.map((one) => (
            <a href={href(one.path)} aria-current={one.path === section ? 'page' : undefined}>
              <SectionIcon name={one.icon} /><span>{one.name}</span>
            </a>
          ))}
        </nav>
        <main id="main" class="main" tabIndex={-1} ref={main}>
          {out && me.problem ? <Problem problem={me.problem} /> : <Page path={path} sources={sources.data} />}
        </main>
        <footer class="foot"><Languages /></footer>
      </div>
      <News records={me.data?.records} />
      {subject && !out && <OriginSheet key={subject.id} type={subject.type} id={subject.id} />}
    </>
  )
}

function Page({ path, sources }: { path: string; sources: Source[] | null }) {
  const [section = '', rest = ''] = path.split(/\/(.*)/)
  switch (section) {
    case '': return <TimelinePage sources={sources} />
    case 'results': return <ResultsPage chosen={decodeURIComponent(rest)} />
    case 'sharing': return <SharingPage />
    case 'activity': return <ActivityPage />
    default: return <p class="empty">{say.lost} <a href={href('')}>{say.home}</a></p>
  }
}

/** Says aloud, once, that the record has grown; what changed is on the page itself. */
function News({ records }: { records: number | undefined }) {
  const before = useRef<number | undefined>(undefined)
  const [words, setWords] = useState('')
  useEffect(() => {
    if (before.current !== undefined && records !== undefined && records > before.current) setWords(`${say.updated} (${records})`)
    before.current = records
  }, [records])
  return <p class="spoken" role="status" aria-live="polite">{words}</p>
}

function Languages() {
  return (
    <p class="languages" aria-label={say.language} role="group">
      {Object.entries(languages).map(([tag, name]) => (
        <button type="button" class="plain" lang={tag} aria-pressed={tag === language} onClick={() => speak(tag)}>{name}</button>
      ))}
    </p>
  )
}
