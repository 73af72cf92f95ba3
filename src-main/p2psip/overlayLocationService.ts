/**
 * Where a request of a phone or of another peer may go (RFC 3261 §16.5): the owner's own devices and phones that are
 * registered here, and for phones the people of the overlay. Nobody is led out of the overlay: no open relay.
 */
import { fromHex } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import { sipUri } from '../phone/address.ts'
import type { Caller, LocationService, LocationTarget } from '../sip/locationService.ts'
import { type SipUri, unescapeUri } from '../sip/message/uri.ts'
import type { Binding } from '../sip/registrar/bindings.ts'
import { type Connection, isSecured } from '../sip/transport/connection.ts'
import type { TargetResolver } from '../phone/targetResolver.ts'
import type { OverlayTransport } from './overlayTransport.ts'

/** The phones that belong to this peer. */
export interface LocalPhones {
  has(account: string): boolean
  displayName(account: string): string
  /** Registrations of one phone, or of all. */
  bindings(account?: string): Iterable<Binding>
  /** The way to a registered phone; undefined when there is none now. */
  wayTo(binding: Binding): Connection | undefined
  /** The way of the peer's own user agent to its phones; undefined while none are served. */
  outward(): Connection | undefined
}

export interface OverlayLocationDeps {
  readonly overlayName: string
  readonly phones: LocalPhones
  readonly resolver: TargetResolver
  readonly transport: Pick<OverlayTransport, 'connect'>
  owner(): { readonly aor: string; readonly displayName: string }
  /** Is this the host and port of one of our sockets? */
  isOwnAddress(host: string, port: number | undefined): boolean
}

export class OverlayLocationService implements LocationService {
  constructor(private readonly deps: OverlayLocationDeps) {}

  serves(uri: SipUri): boolean {
    return uri.host.toLowerCase().replace(/\.$/, '') === this.deps.overlayName || this.deps.isOwnAddress(uri.host, uri.port)
  }

  concerns(uri: SipUri, caller: Caller): boolean {
    if (caller.kind !== 'peer') return true
    return this.serves(uri) && this.aor(uri) === this.deps.owner().aor && [...this.deps.phones.bindings()].length > 0
  }

  keepsState(uri: SipUri, account: string): boolean {
    return this.serves(uri) && (unescapeUri(uri.user ?? '').toLowerCase() === account || this.aor(uri) === this.deps.owner().aor)
  }

  async locate(uri: SipUri, caller: Caller, signal: AbortSignal, method = 'INVITE'): Promise<readonly LocationTarget[]> {
    const secure = uri.scheme === 'sips'
    if (method === 'SUBSCRIBE' && caller.kind === 'phone' && this.keepsState(uri, caller.account)) return [this.ownTarget(secure)]
    const owner = this.deps.owner().aor
    switch (caller.kind) {
      case 'guest':
        if (caller.aor !== owner) throw new PeerError('unauthorised', 'a ticket to somebody else')
        return this.ownTargets(secure)
      case 'peer':
        if (!this.serves(uri) || this.aor(uri) !== owner) throw new PeerError('unauthorised', 'this peer forwards to its own phones only')
        return this.ownTargets(secure)
      case 'phone': return this.forPhone(uri, caller.account, signal)
      case 'own': {
        const user = unescapeUri(uri.user ?? '').toLowerCase()
        return this.phoneTargets(secure, (binding) => binding.account === user)
      }
    }
  }

  presentedAs(account: string): { readonly aor: string; readonly displayName: string } {
    const { aor, displayName } = this.deps.owner()
    return { aor, displayName: this.deps.phones.displayName(account) || displayName }
  }

  reconnect(nodeId: string, signal: AbortSignal): Promise<Connection> { return this.deps.transport.connect([{ node: fromHex(nodeId) }], signal) }

  private async forPhone(uri: SipUri, account: string, signal: AbortSignal): Promise<readonly LocationTarget[]> {
    if (!this.serves(uri)) throw new PeerError('unauthorised', `this peer reaches ${this.deps.overlayName} only`)
    const { phones } = this.deps
    const secure = uri.scheme === 'sips'
    const user = unescapeUri(uri.user ?? '').toLowerCase()
    if (user === '') throw new PeerError('address-invalid', 'nobody is named')
    if (user !== account && phones.has(user)) {
      const of = (binding: Binding): boolean => binding.account === user
      const targets = this.phoneTargets(secure, of)
      if (targets.length === 0 && secure && this.phoneTargets(false, of).length > 0) throw new PeerError('not-secure', `${user} is not registered over TLS`)
      if (targets.length === 0) throw new PeerError('user-offline', `${user} is not registered`)
      return targets
    }
    const aor = this.aor(uri)
    if (aor !== this.deps.owner().aor) return this.overlayTargets(aor, secure, signal)
    // the owner's other installations ring too; that there is none is no failure
    const elsewhere = await this.overlayTargets(aor, secure, signal).catch((cause: unknown) => {
      if (!(cause instanceof PeerError) || signal.aborted) throw cause
      return []
    })
    return [...this.ownTargets(secure, (binding) => binding.account !== account), ...elsewhere]
  }

  private async overlayTargets(aor: string, secure: boolean, signal: AbortSignal): Promise<readonly LocationTarget[]> {
    return (await this.deps.resolver.resolve(sipUri(aor, secure), signal)).map(({ requestUri, connection }) => ({ requestUri, connection, q: 1, routes: [] }))
  }

  private ownTargets(secure: boolean, wanted?: (binding: Binding) => boolean): readonly LocationTarget[] {
    return [this.ownTarget(secure), ...this.phoneTargets(secure, wanted)]
  }

  private ownTarget(secure: boolean): LocationTarget { return { requestUri: sipUri(this.deps.owner().aor, secure), connection: 'own', q: 1, routes: [] } }

  /** @param secure only phones that the last hop leads to over TLS (RFC 3261 §26.2.2), whatever scheme their contact has */
  private phoneTargets(secure: boolean, wanted: (binding: Binding) => boolean = () => true): LocationTarget[] {
    const out: LocationTarget[] = []
    const instances = new Map<string, LocationTarget[]>()
    for (const binding of this.deps.phones.bindings()) {
      const connection = wanted(binding) ? this.deps.phones.wayTo(binding) : undefined
      if (connection === undefined || (secure && !isSecured(connection))) continue
      const target: LocationTarget = { requestUri: binding.contact, connection, q: binding.q, routes: binding.path, contact: binding.contact }
      if (binding.regId === undefined) { out.push(target); continue }
      const key = `${binding.aor} ${binding.instance}`
      const flows = instances.get(key)
      if (flows === undefined) instances.set(key, [target])
      else flows.unshift(target) // of those that it likes as much the one that it registered last comes first
    }
    for (const flows of instances.values()) {
      const [first, ...instead] = flows.sort((a, b) => b.q - a.q)
      if (first !== undefined) out.push(instead.length === 0 ? first : { ...first, instead })
    }
    return out
  }

  private aor(uri: SipUri): string { return `${unescapeUri(uri.user ?? '')}@${this.deps.overlayName}` }
}
