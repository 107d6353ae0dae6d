// What the patient's door says (mainstem.share), and the two ways to ask it.

export type Kind =
  | 'result' | 'medicine' | 'problem' | 'allergy' | 'vaccine' | 'visit' | 'procedure' | 'report' | 'alert' | 'plan' | 'other'

export interface Me {
  name: string
  born: string
  sex: string
  records: number
}

export interface Source {
  name: string
  kind: string
  records: number
  latest: string
}

export interface Entry {
  id: string
  type: string
  kind: Kind
  code: string
  title: string
  detail: string
  date: string
  status: string
  absent: boolean
  differs: boolean
  sources: string[]
}

export interface Timeline {
  entries: Entry[]
  next: string | null
}

export interface Line {
  code: string
  label: string
  unit: string
  low: number | null
  high: number | null
}

export interface Point {
  id: string
  type: string
  date: string
  values: (string | null)[]
  text: string
  sources: string[]
  differs: boolean
}

export interface Series {
  key: string
  name: string
  called?: string
  code: string
  category: string
  lines: Line[]
  points: Point[]
}

export type Role = 'same' | 'converted' | 'differs' | 'retracted'

export interface Statement {
  source: string
  role: Role
  note: string
  said: string
  became: string
  called: string
  code: string
  system: string
  date: string
  delivery: { name: string; received: string; media: string; size: number; path: string } | null
  original: string
}

export interface Origin {
  id: string
  type: string
  code: string
  title: string
  value: string
  date: string
  rule: string
  notes: string[]
  statements: Statement[]
  conflicts: Conflict[]
}

export interface Conflict {
  id: string
  code: string
  title: string
  date: string
  words: string
  sides: { id: string; type: string; value: string; sources: string[] }[]
}

export interface Alert {
  id: string
  title: string
  detail: string
  date: string
  evidence: { id: string; type: string; title: string; value: string; date: string }[]
}

export type ShareState = 'active' | 'paused' | 'stopped' | 'ended'

export interface Share {
  id: string
  name: string
  state: ShareState
  categories: string[]
  since: string
  created: string
  until: string
  looked: number
  last: string
  words: string
}

export interface Shares {
  shares: Share[]
  categories: string[]
  usual: string[]
}

export interface Preview {
  covered: number
  of: number
}

export interface Made {
  share: Share
  token: string
  address: string
}

export interface Activity {
  id: string
  at: string
  who: string
  kind: string
  verb: string
  type: string
  rows: number
  times: number
  outcome: string
  why: string
}

export class Failed extends Error {
  constructor(readonly status: number) {
    super(`HTTP ${status}`)
  }
}

async function answer<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Failed(response.status)
  return (await response.json()) as T
}

const root = '/app/api/'

export async function ask<T>(path: string): Promise<T> {
  return answer(await reach(root + path, { headers: { Accept: 'application/json' } }))
}

export async function tell<T>(path: string, body: unknown = {}): Promise<T> {
  const headers = { 'Content-Type': 'application/json', 'X-Mainstem': 'app' }
  return answer(await reach(root + path, { method: 'POST', headers, body: JSON.stringify(body) }))
}

/** The record's mark: changes whenever anything visible changes. `known` makes an unchanged answer a bare 304. */
export async function mark(known: string): Promise<string> {
  const response = await reach(root + 'events', known ? { headers: { 'If-None-Match': known } } : {})
  if (response.status === 304) return known
  if (!response.ok) throw new Failed(response.status)
  return response.headers.get('ETag') ?? ''
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'same-origin', cache: 'no-store' })
  } catch {
    throw new Failed(0)
  }
}
