/** Internet date and time (RFC 3339) as milliseconds since 1970, by arithmetic: the core has no Date. */
import { DecodeError } from './errors.ts'

const DAY_MS = 86_400_000
const pattern = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/

/** Days from 1970-01-01 in the Gregorian calendar, counting years from March so that leap days come last. */
function daysFrom1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

/** @throws DecodeError */
export function parseRfc3339(text: string): number {
  const match = pattern.exec(text)
  if (match === null) throw new DecodeError(`not an RFC 3339 time: ${text.slice(0, 40)}`)
  const field = (i: number): number => Number(match[i] ?? 0)
  const [year, month, day, hour, minute, second] = [field(1), field(2), field(3), field(4), field(5), field(6)]
  const days = daysFrom1970(year, month, day)
  const nextMonth = month === 12 ? daysFrom1970(year + 1, 1, 1) : daysFrom1970(year, month + 1, 1)
  if (month < 1 || month > 12 || day < 1 || days >= nextMonth || hour > 23 || minute > 59 || second > 60) throw new DecodeError(`not a time: ${text}`)
  const zone = match[8] as string
  const offset = /^[Zz]$/.test(zone) ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6)))
  const millis = Math.floor(Number(`0.${match[7] ?? '0'}`) * 1000)
  return days * DAY_MS + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millis
}

/** UTC, to the second. */
export function formatRfc3339(ms: number): string {
  const days = Math.floor(ms / DAY_MS)
  const seconds = Math.floor((ms - days * DAY_MS) / 1000)
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const m = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * m + 2) / 5) + 1
  const month = m < 10 ? m + 3 : m - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}Z`
}
