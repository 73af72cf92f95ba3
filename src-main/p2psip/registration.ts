/**
 * Keeps this device registered (RFC 7904 §3): SIP-REGISTRATION at H(AOR) under our Node-ID with a route to us,
 * and the certificate store entries others verify us by (RFC 6940 §8). Refreshes before expiry, at once when
 * the overlay was lost and found again or has lost the entry, and removes the registration on `stop`.
 */
import { withTimeout } from '../base/abort.ts'
import { equalBytes } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import type { Identity } from '../enrollment/identity.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Overlay } from '../reload/overlay/overlay.ts'
import { certificateByUserKind, certificateValues } from '../reload/usages/certificateStore.ts'
import { encodeSipRegistration, sipRegistrationKind } from '../reload/usages/sipRegistration.ts'
import { FEATURE_PREDICATE } from '../sip/ua/capabilities.ts'

/** How long a registration holds without refresh, seconds. */
const lifetimeS = 3600
/** Certificates hold for as long, but survive the device: they tell "offline" from "unknown". */
const certificateLifetimeS = 30 * 24 * 3600
/** The other may give the name up: its entry runs out. */
const nameTakenRetryMs = 60_000
/**
 * The entry is looked for this long after it was stored, when what came between while many joined has settled, and then
 * at the second time: without it nobody could call us, and we alone would not notice.
 */
const firstLookMs = 20_000
const laterLookMs = 300_000
const retryMs = [1000, 2000, 5000, 10_000, 30_000]

export interface RegistrationUser {
  onRegistered(registered: boolean): void
  /** Somebody else holds our user name: only in overlays that anyone may join (RFC 6940 §11.3.1). We do not register. */
  onNameTaken(): void
}

export class Registration {
  private timer: Timer | undefined
  private attempt = 0
  /** When the registration is to be refreshed, on the monotonic clock. */
  private dueMs = 0
  private registered = false
  private running: AbortController | undefined
  private stopStatus: (() => void) | undefined

  constructor(private readonly deps: {
    readonly overlay: Overlay
    readonly identity: Pick<Identity, 'userName' | 'nodeId' | 'certificate'>
    readonly clock: Clock
    readonly log: Log
    readonly user: RegistrationUser
  }) {}

  get isRegistered(): boolean { return this.registered }

  start(): void {
    let wasUp = false
    const onStatus = (): void => {
      const { phase } = this.deps.overlay.status
      const up = phase === 'joined' || phase === 'alone'
      if (up && !wasUp) this.schedule(0)
      if (!up) { this.cancel(); this.set(false) }
      wasUp = up
    }
    const stops = [
      this.deps.overlay.onStatus(onStatus),
      // A client that is reached by another way now says so at once.
      this.deps.overlay.onRoute(() => { if (wasUp) this.schedule(0) }),
    ]
    this.stopStatus = () => { for (const stop of stops) stop() }
    onStatus()
  }

  /** Removes the registration from the overlay when that can be done within `graceMs`, and stops refreshing. */
  async stop(graceMs: number): Promise<void> {
    this.stopStatus?.()
    this.cancel()
    if (!this.registered) return
    this.set(false)
    const { overlay, identity, clock } = this.deps
    try {
      await withTimeout(clock, graceMs, 'network-timeout', new AbortController().signal, (signal) => overlay.store(
        overlay.resourceId(identity.userName), [{ kind: sipRegistrationKind, key: identity.nodeId, value: undefined, lifetimeS }], signal,
      ))
    } catch (cause) {
      this.deps.log.info('registration.not-removed', { cause: String(cause) })
    }
  }

  private cancel(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.running?.abort(new PeerError('cancelled'))
    this.running = undefined
  }

  private set(registered: boolean): void {
    if (this.registered === registered) return
    this.registered = registered
    this.deps.user.onRegistered(registered)
  }

  private schedule(delayMs: number): void {
    this.cancel()
    this.timer = this.deps.clock.setTimer(delayMs, () => { void this.refresh() })
  }

  private async refresh(): Promise<void> {
    const running = new AbortController()
    this.running = running
    try {
      if (!this.registered && await this.isNameTaken(running.signal)) {
        this.deps.user.onNameTaken()
        this.schedule(nameTakenRetryMs)
        return
      }
      await this.store(running.signal)
      if (running.signal.aborted) return
      this.attempt = 0
      this.set(true)
      this.dueMs = this.deps.clock.monotonic() + lifetimeS * 900
      this.lookIn(firstLookMs)
    } catch (cause) {
      if (running.signal.aborted) return
      this.deps.log.warn('registration.failed', { cause: String(cause) })
      this.schedule(retryMs[Math.min(this.attempt++, retryMs.length - 1)] as number)
    }
  }

  private lookIn(delayMs: number): void {
    const leftMs = this.dueMs - this.deps.clock.monotonic()
    if (leftMs <= delayMs) { this.schedule(leftMs); return }
    this.cancel()
    this.timer = this.deps.clock.setTimer(delayMs, () => { void this.look() })
  }

  /** Is our entry still there? */
  private async look(): Promise<void> {
    const running = new AbortController()
    this.running = running
    const { overlay, identity, log } = this.deps
    try {
      const found = await overlay.fetch(overlay.resourceId(identity.userName), sipRegistrationKind, { model: 'dictionary', keys: [identity.nodeId] }, running.signal, { robust: true })
      if (running.signal.aborted) return
      if (found.some(({ key }) => key !== undefined && equalBytes(key, identity.nodeId))) { this.lookIn(laterLookMs); return }
      log.warn('registration.missing', { userName: identity.userName })
      this.schedule(0)
    } catch (cause) {
      if (running.signal.aborted) return
      log.info('registration.not-looked-for', { cause: String(cause) })
      this.lookIn(laterLookMs)
    }
  }

  /** Whether the overlay knows another node's certificate for our user name. Where an authority hands out names it is a device of ours. */
  private async isNameTaken(signal: AbortSignal): Promise<boolean> {
    const { overlay, identity } = this.deps
    if (overlay.configuration.selfSignedDigest === undefined) return false
    const all = { model: 'array' as const, ranges: [{ first: 0, last: 0xffffffff }] }
    const found = await overlay.fetch(overlay.resourceId(identity.userName), certificateByUserKind, all, signal)
    return found.some((value) => !equalBytes(value.signerNodeId, identity.nodeId))
  }

  private async store(signal: AbortSignal): Promise<void> {
    const { overlay, identity } = this.deps
    await overlay.store(overlay.resourceId(identity.userName), [{
      kind: sipRegistrationKind, key: identity.nodeId, lifetimeS,
      value: encodeSipRegistration({ type: 'route', contactPrefs: FEATURE_PREDICATE, destinationList: overlay.route }),
    }], signal)
    for (const entry of certificateValues(overlay, identity, certificateLifetimeS)) {
      await overlay.store(entry.resourceId, [entry.value], signal)
    }
  }
}
