/**
 * Keeps the accounts of phones the same on all devices of their owner, so that a phone whose peer is lost logs in at
 * another one with the password it has. Each device publishes its table to the others (PUBLISH, RFC 3903, an event
 * package of our own) over pipes whose certificates prove the owner's name. Only where an authority hands out names.
 */
import { DecodeError, PeerError } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { IncomingPublication, UserAgent } from '../sip/ua/userAgent.ts'
import { sipUri } from './address.ts'
import type { PhoneAccountRecord, PhoneAccounts } from './phoneAccounts.ts'
import type { TargetResolver } from './targetResolver.ts'

export const accountsEvent = 'ringway-phones'
export const accountsType = 'application/vnd.ringway.phones+json'

export interface AccountCopiesDeps {
  readonly clock: Clock
  readonly log: Log
  readonly accounts: PhoneAccounts
  /** Finds the owner's other devices. */
  readonly resolver: TargetResolver
  readonly userAgent: Pick<UserAgent, 'request'>
  /** The owner's address of record. */
  readonly aor: () => string
  /** A certificate proves its user name: not so in overlays that anyone may join under any name. */
  readonly namesAreProven: () => boolean
}

/** Several changes, or several signs of life, are told together. */
const delayMs = 1_000
const betweenMs = 10_000
/** For devices that were not there when something changed. */
const againMs = 15 * 60_000
const requestMs = 20_000
const maxDevices = 20

export class PhoneAccountCopies {
  private timer: Timer | undefined
  private dueMs = Infinity
  private lastMs = -Infinity
  private running: AbortController | undefined
  private readonly unsubscribe: () => void

  constructor(private readonly deps: AccountCopiesDeps) {
    this.unsubscribe = deps.accounts.onChanged(() => { this.schedule(delayMs) })
  }

  /** This device is in the overlay (again), or another one of the owner's was heard of. */
  wake(): void { this.schedule(delayMs) }

  stop(): void {
    this.unsubscribe()
    this.timer?.cancel()
    this.dueMs = Infinity
    this.running?.abort(new PeerError('cancelled'))
  }

  /** The user agent's fact: somebody publishes a table. */
  receive(publication: IncomingPublication): void {
    const { accounts, aor, namesAreProven, log } = this.deps
    if (publication.identity?.aor !== aor() || !namesAreProven()) { publication.respond(403); return }
    if (publication.contentType !== accountsType) { publication.respond(415); return }
    try {
      const theirs = readTable(publication.body)
      accounts.merge(theirs)
      publication.respond(200)
      if (accounts.isNewerThan(theirs)) this.schedule(delayMs)
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause
      log.info('phones.undecodable', { what: cause.what })
      publication.respond(400, cause.what)
    }
  }

  private schedule(inMs: number): void {
    if (!this.deps.namesAreProven()) return
    const now = this.deps.clock.monotonic()
    const due = Math.max(now + inMs, this.lastMs + betweenMs)
    if (due >= this.dueMs) return
    this.timer?.cancel()
    this.dueMs = due
    this.timer = this.deps.clock.setTimer(due - now, () => {
      this.dueMs = Infinity
      this.lastMs = this.deps.clock.monotonic()
      this.publish().then(() => { this.schedule(againMs) }, (cause: unknown) => { this.deps.log.error('phones.copies', { cause: String(cause) }) })
    })
  }

  private async publish(): Promise<void> {
    const table = this.deps.accounts.table()
    if (table.length === 0 || this.running !== undefined) return
    const running = new AbortController()
    this.running = running
    const limit = this.deps.clock.setTimer(requestMs, () => { running.abort(new PeerError('network-timeout')) })
    try {
      const to = sipUri(this.deps.aor())
      const devices = await this.deps.resolver.resolve(to, running.signal)
      const options = { to, contentType: accountsType, body: new TextEncoder().encode(JSON.stringify(table)), headers: [['Event', accountsEvent], ['Expires', '3600']] as const }
      // the pipe's certificate says whose device it is: nobody else is told
      const own = devices.filter(({ identity }) => identity?.aor === this.deps.aor()).slice(0, maxDevices)
      const told = await Promise.allSettled(own.map(({ connection, requestUri }) => this.deps.userAgent.request({ connection, requestUri }, 'PUBLISH', options, running.signal)))
      this.deps.log.debug('phones.copied', { devices: told.filter((each) => each.status === 'fulfilled' && each.value.status === 200).length })
    } catch (cause) {
      // there is no other device, or none answers
      if (!(cause instanceof PeerError) && !running.signal.aborted) throw cause
    } finally {
      limit.cancel()
      this.running = undefined
    }
  }
}

/** @throws DecodeError */
function readTable(body: Uint8Array): PhoneAccountRecord[] {
  let value: unknown
  try { value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) } catch (cause) {
    throw new DecodeError(`table of phones: ${cause instanceof Error ? cause.message : 'not JSON'}`)
  }
  if (!Array.isArray(value) || value.length > 1_000) throw new DecodeError('table of phones')
  return value.map(readRecord)
}

function readRecord(value: unknown): PhoneAccountRecord {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const text = (name: string, form: RegExp): string => {
    const found = fields[name]
    if (typeof found !== 'string' || !form.test(found)) throw new DecodeError(`phone's ${name}`)
    return found
  }
  const time = (name: string): number => {
    const found = fields[name]
    if (typeof found !== 'number' || !Number.isFinite(found) || found < 0) throw new DecodeError(`phone's ${name}`)
    return found
  }
  const removed = fields['removed'] === true
  return {
    userName: text('userName', /^[a-z0-9][a-z0-9._-]{0,31}$/), displayName: text('displayName', /^[^\u0000-\u001f\u007f]{0,100}$/), realm: text('realm', /^[a-z0-9.-]{1,255}$/),
    sha256: text('sha256', removed ? /^$/ : /^[0-9a-f]{64}$/), md5: text('md5', removed ? /^$/ : /^[0-9a-f]{32}$/), md5First: fields['md5First'] === true,
    createdAt: time('createdAt'), changedAt: time('changedAt'), removed,
  }
}
