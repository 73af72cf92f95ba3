/**
 * Presence documents: PIDF (RFC 3863) with a person's activity (RFC 4479 data model, RFC 4480 RPID) for what
 * `basic` cannot say. Written and read by the presence service; a document of a stranger is read with bounds
 * and without entities of its own.
 */
import { XMLParser } from 'fast-xml-parser'
import type { PresenceView } from '@shared/model/index.ts'
import { DecodeError } from '../base/errors.ts'
import { escapeXml } from './xmlText.ts'

export const pidfType = 'application/pidf+xml'

export type ShownState = Exclude<PresenceView['state'], 'unknown'>
export interface Presence { readonly state: ShownState; readonly note: string }

const maxBytes = 32_768
const maxNote = 200
const activityOf: Partial<Record<ShownState, string>> = { busy: 'busy', away: 'away', 'in-call': 'on-the-phone' }
const stateOf: Record<string, ShownState> = {
  'on-the-phone': 'in-call', busy: 'busy', meeting: 'busy', performance: 'busy', presentation: 'busy',
  away: 'away', meal: 'away', sleeping: 'away', travel: 'away', vacation: 'away', 'permanent-absence': 'away',
}

/** The document that says `presence` of `aor`. */
export function buildPidf(aor: string, presence: Presence): Uint8Array {
  const note = presence.note === '' ? '' : escapeXml(presence.note)
  const activity = activityOf[presence.state]
  const person = activity === undefined ? '' : `<dm:person id="p1"><rpid:activities><rpid:${activity}/></rpid:activities></dm:person>`
  return new TextEncoder().encode(
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    + '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"'
    + ` xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="pres:${escapeXml(aor)}">`
    + `<tuple id="t1"><status><basic>${presence.state === 'offline' ? 'closed' : 'open'}</basic></status>`
    + `<contact>${escapeXml(`sip:${aor}`)}</contact>${note === '' ? '' : `<note>${note}</note>`}</tuple>`
    + `${person}</presence>\n`,
  )
}

/**
 * What a document says. The entity is not looked at: who speaks is known from the subscription.
 * @throws DecodeError when it is too large or no PIDF document
 */
export function parsePidf(body: Uint8Array): Presence {
  if (body.length > maxBytes) throw new DecodeError('PIDF document too large')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    if (cause instanceof TypeError) throw new DecodeError('PIDF document is not UTF-8')
    throw cause
  }
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw new DecodeError('PIDF document declares entities')
  const root = record(record(parse(text))['presence'])
  const tuples = list(root['tuple']).map(record)
  const persons = list(root['person']).map(record)
  const open = tuples.some((tuple) => textOf(record(tuple['status'])['basic']) === 'open')
  const notes = [...persons, root, ...tuples].flatMap((element) => list(element['note'])).map(textOf)
  const note = (notes.find((candidate) => candidate !== '') ?? '').slice(0, maxNote)
  if (!open) return { state: 'offline', note }
  const activities = persons.flatMap((person) => list(person['activities'])).flatMap((element) => Object.keys(record(element)))
  const states = activities.flatMap((activity) => stateOf[activity] ?? [])
  const state = (['in-call', 'busy', 'away'] as const).find((candidate) => states.includes(candidate)) ?? 'available'
  return { state, note }
}

function parse(text: string): unknown {
  const parser = new XMLParser({
    ignoreAttributes: true, removeNSPrefix: true, processEntities: false, parseTagValue: false, trimValues: true,
  })
  try {
    return parser.parse(text, true)
  } catch (cause) {
    // the parser throws plain Errors (and RangeError on absurd nesting) for whatever is not well-formed
    throw new DecodeError(`PIDF document: ${cause instanceof Error ? cause.message : 'not XML'}`)
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {}
}

function list(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value]
}

function textOf(value: unknown): string {
  return unescape(typeof value === 'string' ? value : String(record(value)['#text'] ?? '')).trim()
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescape(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole
    const code = decimal !== undefined ? parseInt(decimal, 10) : parseInt(hex ?? '', 16)
    return code > 0x1f && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : ' '
  })
}
