// Dates as the source gave them: a day stays a day in every zone; a time is shown in the viewer's zone.

import { locale } from './strings'

const withTime = /T\d\d:\d\d/

export function day(date: string): string {
  if (!date) return ''
  if (withTime.test(date)) return form(new Date(date), { day: 'numeric', month: 'short', year: 'numeric' })
  const [year = '', month, dayOfMonth] = date.split('-')
  if (!month) return year
  const noon = new Date(Date.UTC(Number(year), Number(month) - 1, Number(dayOfMonth ?? 1), 12))
  const parts: Intl.DateTimeFormatOptions = { month: dayOfMonth ? 'short' : 'long', year: 'numeric', timeZone: 'UTC' }
  return form(noon, dayOfMonth ? { ...parts, day: 'numeric' } : parts)
}

export function clock(date: string): string {
  return withTime.test(date) ? form(new Date(date), { hour: 'numeric', minute: '2-digit' }) : ''
}

export function moment(date: string): string {
  const time = clock(date)
  return time ? `${day(date)}, ${time}` : day(date)
}

/** The calendar day for grouping: as written when only a date, else in the viewer's zone. */
export function dayKey(date: string): string {
  if (!withTime.test(date)) return date
  const at = new Date(date)
  return [at.getFullYear(), String(at.getMonth() + 1).padStart(2, '0'), String(at.getDate()).padStart(2, '0')].join('-')
}

export function seconds(date: string): number {
  return (withTime.test(date) ? Date.parse(date) : Date.parse(`${date.padEnd(10, '-01').slice(0, 10)}T12:00:00`)) / 1000
}

/** A decimal to the digit as stated, with the viewer's decimal mark. */
export function decimal(text: string): string {
  const mark = new Intl.NumberFormat(locale()).formatToParts(1.5).find((part) => part.type === 'decimal')?.value ?? '.'
  return /^-?\d+\.\d+$/.test(text) ? text.replace('.', mark) : text
}

export function whole(count: number): string {
  return new Intl.NumberFormat(locale()).format(count)
}

export function ago(date: string, now: number = Date.now()): string {
  const minutes = Math.round((Date.parse(date) - now) / 60000)
  const relative = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' })
  if (Math.abs(minutes) < 60) return relative.format(minutes, 'minute')
  if (Math.abs(minutes) < 48 * 60) return relative.format(Math.round(minutes / 60), 'hour')
  return relative.format(Math.round(minutes / 1440), 'day')
}

function form(date: Date, options: Intl.DateTimeFormatOptions): string {
  return Number.isNaN(date.getTime()) ? '' : new Intl.DateTimeFormat(locale(), options).format(date)
}
