// A new share in three taps: who, what, how long. And the one moment in which the clinic's key is shown.

import { useRef, useState } from 'preact/hooks'
import type { Made, Preview } from './api'
import { tell } from './api'
import { Sheet } from './dialog'
import { whole } from './format'
import { failed, useAsk } from './live'
import { Problem } from './parts'
import { say } from './strings'

const spans = [7, 30, 90, 365]
const years = [0, 1, 5]

interface FormProps {
  categories: string[]
  usual: string[]
  done: (made: Made) => void
}

export function ShareForm({ categories, usual, done }: FormProps) {
  const [name, setName] = useState('')
  const [what, setWhat] = useState<string[]>(usual)
  const [days, setDays] = useState(30)
  const [since, setSince] = useState(0)
  const [wrong, setWrong] = useState('')
  const [problem, setProblem] = useState<ReturnType<typeof failed> | null>(null)
  const field = useRef<HTMLInputElement>(null)
  const toggle = (one: string): void => setWhat(chosen(what, one))
  const send = (event: Event): void => {
    event.preventDefault()
    const lack = !name.trim() ? say.shareNeedsName : what.length === 0 ? say.shareNeedsWhat : ''
    setWrong(lack)
    if (!name.trim()) field.current?.focus()
    if (lack) return
    tell<Made>('shares', { name: name.trim(), categories: what, days, years: since }).then(
      (made) => { setName(''); setProblem(null); done(made) },
      (trouble: unknown) => setProblem(failed(trouble)),
    )
  }
  return (
    <form class="card share-form" onSubmit={send} noValidate aria-labelledby="share-new">
      <h2 id="share-new">{say.shareNew}</h2>
      <label class="field">
        <span class="label">{say.shareWho}</span>
        <input
          ref={field} type="text" name="who" value={name} maxLength={80} autocomplete="off" aria-describedby="who-hint"
          aria-invalid={wrong === say.shareNeedsName} onInput={(event) => setName(event.currentTarget.value)}
        />
        <span class="quiet" id="who-hint">{say.shareWhoHint}</span>
      </label>
      <fieldset>
        <legend class="label">{say.shareWhat}</legend>
        <div class="choices">
          {categories.map((one) => (
            <Choice type="checkbox" name="what" on={what.includes(one)} pick={() => toggle(one)}>{say.categories[one] ?? one}</Choice>
          ))}
        </div>
      </fieldset>
      <fieldset>
        <legend class="label">{say.shareSince}</legend>
        <div class="choices">
          {years.map((one) => (
            <Choice type="radio" name="since" on={since === one} pick={() => setSince(one)}>{one ? say.sinceYears(one) : say.sinceAll}</Choice>
          ))}
        </div>
      </fieldset>
      <fieldset>
        <legend class="label">{say.shareHow}</legend>
        <div class="choices">
          {spans.map((one) => <Choice type="radio" name="days" on={days === one} pick={() => setDays(one)}>{say.days(one)}</Choice>)}
        </div>
      </fieldset>
      <Covered what={what} years={since} />
      <p class="wrong" role="alert">{wrong}</p>
      {problem && <Problem problem={problem} />}
      <button type="submit" class="strong wide">{say.shareDo(name.trim())}</button>
    </form>
  )
}

/** What the choice means, before it is made. */
function Covered({ what, years }: { what: string[]; years: number }) {
  const preview = useAsk<Preview>(`shares/preview?${new URLSearchParams({ categories: what.join(','), years: String(years) })}`)
  const words = preview.data && what.length > 0 ? say.sharePreview(whole(preview.data.covered), whole(preview.data.of)) : ' '
  return <p class="covered" aria-live="polite">{words}</p>
}

/** "Everything" stands alone; anything else takes it away. */
function chosen(what: string[], one: string): string[] {
  if (what.includes(one)) return what.filter((other) => other !== one)
  return one === 'everything' ? [one] : [...what.filter((other) => other !== 'everything'), one]
}

interface ChoiceProps {
  type: 'checkbox' | 'radio'
  name: string
  on: boolean
  pick: () => void
  children: string
}

function Choice({ type, name, on, pick, children }: ChoiceProps) {
  return (
    <label class="choice">
      <input type={type} name={name} checked={on} onChange={pick} />
      <span>{children}</span>
    </label>
  )
}

export function Handover({ made, close }: { made: Made; close: () => void }) {
  return (
    <Sheet title={say.tokenTitle} close={close}>
      <p class="lead">{say.shareMade(made.share.name)}</p>
      <p>{say.tokenHint}</p>
      <Copyable name={say.tokenAddress} text={made.address} />
      <Copyable name={say.token} text={made.token} />
    </Sheet>
  )
}

function Copyable({ name, text }: { name: string; text: string }) {
  const [copied, setCopied] = useState(false)
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(() => setCopied(true), () => setCopied(false))
  }
  return (
    <div class="copyable">
      <p class="label" id={`copy-${name}`}>{name}</p>
      <p><code>{text}</code></p>
      <button type="button" onClick={copy} aria-label={`${say.copy}: ${name}`}>{copied ? say.copied : say.copy}</button>
    </div>
  )
}
