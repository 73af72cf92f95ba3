/** Finding people and the peer's own phones: the phones' names first, then the overlay. */
import { PeerError } from '../base/errors.ts'
import { normaliseAor, sipUri } from '../phone/address.ts'
import type { Target, TargetResolver } from '../phone/targetResolver.ts'
import type { LocalPhones } from './overlayLocationService.ts'

export class PhoneAwareResolver implements TargetResolver {
  constructor(private readonly overlayName: string, private readonly overlay: TargetResolver, private readonly phones: LocalPhones, private readonly owner: () => string) {}

  async resolve(uri: string, signal: AbortSignal): Promise<readonly Target[]> {
    const aor = normaliseAor(uri, this.overlayName)
    const at = aor.lastIndexOf('@')
    const user = aor.slice(0, at)
    const own = aor === this.owner()
    if (aor.slice(at + 1) !== this.overlayName || !(own || this.phones.has(user))) return this.overlay.resolve(uri, signal)
    const phones = this.targets(own ? undefined : user)
    if (!own && phones.length > 0) return phones
    if (!own) throw new PeerError('user-offline', `${user} is not registered`)
    try {
      return [...phones, ...await this.overlay.resolve(uri, signal)]
    } catch (cause) {
      if (phones.length === 0 || signal.aborted) throw cause
      return phones
    }
  }

  private targets(account: string | undefined): Target[] {
    const connection = this.phones.outward()
    if (connection === undefined) return []
    const names = new Set<string>()
    for (const binding of this.phones.bindings(account)) if (this.phones.wayTo(binding) !== undefined) names.add(binding.account)
    return [...names].map((name) => ({ requestUri: sipUri(`${name}@${this.overlayName}`), connection }))
  }
}
