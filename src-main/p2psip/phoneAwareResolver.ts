/** Finding people and the peer's own phones: the phones' names first, then the overlay. */
import { PeerError } from '../base/errors.ts'
import { isSecure, normaliseAor, sipUri } from '../phone/address.ts'
import { resolveEach, type Target, type TargetResolver } from '../phone/targetResolver.ts'
import { isSecured } from '../sip/transport/connection.ts'
import type { LocalPhones } from './overlayLocationService.ts'

export class PhoneAwareResolver implements TargetResolver {
  constructor(private readonly overlayName: string, private readonly overlay: TargetResolver, private readonly phones: LocalPhones, private readonly owner: () => string) {}

  async resolve(uri: string, signal: AbortSignal): Promise<readonly Target[]> {
    const found: Target[] = []
    await this.resolveEach(uri, signal, (target) => { found.push(target) })
    return found
  }

  async resolveEach(uri: string, signal: AbortSignal, onTarget: (target: Target) => void): Promise<void> {
    const aor = normaliseAor(uri, this.overlayName)
    const at = aor.lastIndexOf('@')
    const user = aor.slice(0, at)
    const own = aor === this.owner()
    if (aor.slice(at + 1) !== this.overlayName || !(own || this.phones.has(user))) return resolveEach(this.overlay, uri, signal, onTarget)
    const secure = isSecure(uri)
    const phones = this.targets(own ? undefined : user, secure)
    for (const phone of phones) onTarget(phone)
    if (!own && phones.length > 0) return
    if (!own && secure && this.targets(user, false).length > 0) throw new PeerError('not-secure', `${user} is not registered over TLS`)
    if (!own) throw new PeerError('user-offline', `${user} is not registered`)
    try {
      await resolveEach(this.overlay, uri, signal, onTarget)
    } catch (cause) {
      if (phones.length === 0 || signal.aborted) throw cause
    }
  }

  private targets(account: string | undefined, secure: boolean): Target[] {
    const connection = this.phones.outward()
    if (connection === undefined) return []
    const names = new Set<string>()
    for (const binding of this.phones.bindings(account)) {
      const way = this.phones.wayTo(binding)
      if (way !== undefined && (!secure || isSecured(way))) names.add(binding.account)
    }
    return [...names].map((name) => ({ requestUri: sipUri(`${name}@${this.overlayName}`, secure), connection }))
  }
}
