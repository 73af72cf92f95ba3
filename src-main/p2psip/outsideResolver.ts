/**
 * Addresses of other domains (hybrid domains, concepts draft §4.12): they are left to RFC 3263, by the proxy of this
 * peer's own element, which also joins the sound. Addresses of the overlay are left to the overlay.
 */
import { PeerError } from '../base/errors.ts'
import { hostOf, isSecure, normaliseAor, sipUri, userPart } from '../phone/address.ts'
import { resolveEach, type Target, type TargetResolver } from '../phone/targetResolver.ts'
import type { Connection } from '../sip/transport/connection.ts'

export interface OutsideDeps {
  readonly overlayName: string
  readonly overlay: TargetResolver
  /** The user lets calls and messages leave the overlay. */
  allowed(): boolean
  /** The way of our user agent to its own proxy; undefined where there is none. */
  outward(): Connection | undefined
}

export class OutsideResolver implements TargetResolver {
  constructor(private readonly deps: OutsideDeps) {}

  /** @throws PeerError as TargetResolver.resolve, and 'outside-off'; what fails on the way is told by the response */
  async resolve(uri: string, signal: AbortSignal): Promise<readonly Target[]> {
    const found: Target[] = []
    await this.resolveEach(uri, signal, (target) => { found.push(target) })
    return found
  }

  async resolveEach(uri: string, signal: AbortSignal, onTarget: (target: Target) => void): Promise<void> {
    const { overlayName, overlay } = this.deps
    const aor = normaliseAor(uri, overlayName)
    if (aor.endsWith(`@${overlayName}`)) { await resolveEach(overlay, uri, signal, onTarget); return }
    if (hostOf(aor) === overlayName) { await resolveEach(overlay, sipUri(`${userPart(aor)}@${overlayName}`, isSecure(uri)), signal, onTarget); return }
    if (!this.deps.allowed()) throw new PeerError('outside-off', `${aor} is not in ${overlayName}`)
    const connection = this.deps.outward()
    if (connection === undefined) throw new PeerError('domain-unreachable', 'this peer has no way out of the overlay')
    onTarget({ requestUri: uri, connection, outside: true })
  }
}
