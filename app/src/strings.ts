// Every word that a person reads stands in one of the catalogues; a catalogue that lacks a line does not compile.

import { de } from './strings.de'
import { en } from './strings.en'

export type Catalogue = typeof en

const catalogues: Record<string, Catalogue> = { en, de }
const kept = 'mainstem.language'

function chosen(): string {
  const wishes = [localStorage.getItem(kept) ?? '', ...navigator.languages]
  return wishes.map((wish) => wish.slice(0, 2)).find((wish) => wish in catalogues) ?? 'en'
}

export const language = chosen()
export const say: Catalogue = catalogues[language] ?? en
export const languages: Record<string, string> = { en: 'English', de: 'Deutsch' }

export function locale(): string {
  return navigator.languages.find((tag) => tag.startsWith(language)) ?? language
}

export function speak(other: string): void {
  localStorage.setItem(kept, other)
  location.reload()
}
