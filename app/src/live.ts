// The record fills before one's eyes: one poll of the mark, and every open view asks again when it moves.

import { useEffect, useState } from 'preact/hooks'
import { ask, Failed, mark } from './api'

type Listener = () => void

const listeners = new Set<Listener>()
const soonest = 1500
const latest = 12000
let known = ''
let pause = soonest

export function refresh(): void {
  pause = soonest
  for (const listener of listeners) listener()
}

async function look(): Promise<void> {
  if (document.visibilityState === 'hidden') return
  try {
    const now = await mark(known)
    const moved = known !== '' && now !== known
    known = now
    if (moved) refresh()
    else pause = Math.min(pause * 1.25, latest)
  } catch (problem) {
    pause = latest
    if (problem instanceof Failed && problem.status === 401) refresh()
  }
}

export function watch(): void {
  const turn = (): void => {
    void look().finally(() => window.setTimeout(turn, pause))
  }
  turn()
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void look()
  })
}

export interface Asked<T> {
  data: T | null
  problem: Failed | null
}

/** Data of `path`, asked again whenever the record moves; the old data stays while the new is on its way. */
export function useAsk<T>(path: string): Asked<T> {
  const [asked, setAsked] = useState<Asked<T> & { path: string }>({ data: null, problem: null, path })
  useEffect(() => {
    let current = true
    const go = (): void => {
      ask<T>(path).then(
        (data) => current && setAsked({ data, problem: null, path }),
        (problem: unknown) =>
          current && setAsked((before) => ({ data: before.path === path ? before.data : null, problem: failed(problem), path })),
      )
    }
    go()
    listeners.add(go)
    return () => {
      current = false
      listeners.delete(go)
    }
  }, [path])
  return asked.path === path ? asked : { data: null, problem: null }
}

export function failed(problem: unknown): Failed {
  return problem instanceof Failed ? problem : new Failed(0)
}
