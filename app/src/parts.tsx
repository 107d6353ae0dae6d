// Small pieces that every section uses.

import type { ComponentChildren } from 'preact'
import type { Failed } from './api'
import { SectionIcon } from './icons'
import { type Asked, refresh } from './live'
import { say } from './strings'

function reason(status: number): string {
  if (status === 0) return say.failedOffline
  if (status === 401) return say.failedDoor
  return status === 404 ? say.failedMissing : say.failedServer
}

export function Problem({ problem }: { problem: Failed }) {
  return (
    <div class="card problem" role="alert">
      <h2>{say.failedTitle}</h2>
      <p>{reason(problem.status)}</p>
      {problem.status !== 401 && <button type="button" onClick={refresh}>{say.again}</button>}
    </div>
  )
}

/** Shows what was asked for: the data, the trouble, or a quiet placeholder of about the same height. */
export function Await<T>({ asked, children }: { asked: Asked<T>; children: (data: T) => ComponentChildren }) {
  if (asked.data !== null) {
    return <>{asked.problem && <Problem problem={asked.problem} />}{children(asked.data)}</>
  }
  if (asked.problem) return <Problem problem={asked.problem} />
  return <div class="placeholder" aria-busy="true"><span class="spoken">{say.loading}</span><i /><i /><i /></div>
}

export function Differs() {
  return <span class="badge badge-differs"><SectionIcon name="differs" />{say.differs}</span>
}
