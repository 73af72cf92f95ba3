/** Dates and durations as the screens show them, in the language of the system. */
import { shallowRef, type ShallowRef } from 'vue'

/** The current minute-accurate time, so that "today" and "yesterday" turn over on screen. */
export const now: ShallowRef<number> = shallowRef(Date.now())
/** The current second, for call timers. */
export const second: ShallowRef<number> = shallowRef(Date.now())

export function startClocks(): () => void {
  const timer = setInterval(() => {
    second.value = Date.now()
    if (second.value - now.value >= 10_000) now.value = second.value
  }, 500)
  return () => { clearInterval(timer) }
}

export function startOfDay(at: number): number {
  const date = new Date(at)
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
}

/** Whole calendar days between `at` and `reference`; 0 is the same day, 1 the day before. */
export function daysBefore(at: number, reference: number): number {
  return Math.round((startOfDay(reference) - startOfDay(at)) / 86_400_000)
}

export const clockTime = (at: number): string => new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }).format(at)
export const dateWords = (at: number): string => new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' }).format(at)
export const fullDate = (at: number): string => new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' }).format(at)
export const dateAndTime = (at: number): string => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(at)
export const shortDate = (at: number): string => new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' }).format(at)

/** 83 s → '1:23', 3700 s → '1:01:40' */
export function duration(totalS: number): string {
  const s = Math.max(0, Math.floor(totalS))
  const pad = (n: number): string => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60)
  return h > 0 ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`
}

/** Splits entries, newest first, into calendar days. */
export function byDay<T>(entries: readonly T[], at: (entry: T) => number): { day: number; entries: T[] }[] {
  const groups: { day: number; entries: T[] }[] = []
  for (const entry of entries) {
    const day = startOfDay(at(entry))
    const group = groups.at(-1)
    if (group?.day === day) group.entries.push(entry)
    else groups.push({ day, entries: [entry] })
  }
  return groups
}
