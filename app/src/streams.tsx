// Each system keeps one colour on every page: its stream.

import type { Source } from './api'
import { say } from './strings'
import { open } from './origin'

const hues = 8
let known: string[] = []

export function order(sources: Source[]): void {
  if (sources.length > 0) known = sources.map((source) => source.name).sort()
}

export function streamClass(source: string): string {
  const place = known.indexOf(source)
  return `stream-${(place < 0 ? [...source].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) : place) % hues}`
}

/** A source's configured name as a person would write it: `harbour-clinic` → `Harbour Clinic`. */
export function nameOf(source: string): string {
  return source.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ')
}

function namesOf(sources: string[]): string {
  return sources.map(nameOf).join(', ')
}

export function Stream({ source }: { source: string }) {
  return <span class={`stream ${streamClass(source)}`}><i aria-hidden="true" />{nameOf(source)}</span>
}

/** The chip that says which systems a value comes from, and opens the way there. */
export function From({ type, id, sources, what }: { type: string; id: string; sources: string[]; what: string }) {
  const shown = sources.slice(0, 2)
  if (sources.length === 0) {
    return <button type="button" class="from" aria-haspopup="dialog" onClick={() => open(type, id)}>{say.computed}</button>
  }
  const label = `${what}. ${say.fromNames(namesOf(sources))}`
  return (
    <button type="button" class="from" aria-haspopup="dialog" aria-label={label} onClick={() => open(type, id)}>
      <span class="dots" aria-hidden="true">{sources.slice(0, 4).map((source) => <i class={streamClass(source)} />)}</span>
      <span class="from-names">{namesOf(shown)}{sources.length > 2 ? ` +${sources.length - 2}` : ''}</span>
    </button>
  )
}
