/**
 * One enrolled peer, built bottom-up: overlay, SIP over its pipes, registration, phone. Has no behaviour of its
 * own: it introduces the parts to each other and returns them.
 */
import { Emitter, type Event } from '../base/event.ts'
import { createNoIceTlsFactory } from '../connectivity/linkFactories/noIceTls.ts'
import type { Identity } from '../enrollment/identity.ts'
import { OutsideResolver } from '../p2psip/outsideResolver.ts'
import { OverlayLocationService } from '../p2psip/overlayLocationService.ts'
import { PhoneAwareResolver } from '../p2psip/phoneAwareResolver.ts'
import { OverlayResolver } from '../p2psip/resolver.ts'
import { OverlayTransport } from '../p2psip/overlayTransport.ts'
import { Registration } from '../p2psip/registration.ts'
import { parsePidf, pidfType } from '../phone/pidf.ts'
import { createPhone, type Phone } from '../phone/phone.ts'
import type { SettingsService } from '../phone/settingsService.ts'
import type { OverlayConfiguration } from '../reload/config/configuration.ts'
import type { BootstrapSource } from '../reload/overlay/bootstrapSource.ts'
import { createOverlay } from '../reload/overlay/createOverlay.ts'
import type { Overlay } from '../reload/overlay/overlay.ts'
import { Redir } from '../reload/usages/redir.ts'
import { PhoneAccountCopies } from '../phone/phoneAccountCopies.ts'
import { PhoneAccounts } from '../phone/phoneAccounts.ts'
import { createSipElement, type SipElement } from '../sip/element/element.ts'
import { DEFAULT_SOURCE_RATES } from '../sip/transport/sourceLimits.ts'
import { CallTrace } from '../sip/transport/callTrace.ts'
import { PhoneService } from './phoneService.ts'
import type { NetworkOptions, PeerPorts, PeerStores } from './ports.ts'

export interface PeerParts {
  readonly ports: PeerPorts
  readonly stores: PeerStores
  readonly identity: Identity
  readonly configuration: OverlayConfiguration
  readonly network: NetworkOptions
  readonly settings: SettingsService
  readonly bootstrap: BootstrapSource
  /** May start the overlay alone, as its first peer (RFC 6940 §11.4): only its organiser. */
  readonly firstPeer: boolean
}

export interface Peer {
  readonly identity: Identity
  readonly overlay: Overlay
  readonly transport: OverlayTransport
  readonly sip: SipElement
  readonly resolver: OverlayResolver
  readonly registration: Registration
  /** Services that peers offer each other, by namespace (RFC 7374). */
  readonly redir: Redir
  readonly phone: Phone
  /** Ordinary SIP phones that log in here. */
  readonly phones: PhoneService
  /** Their accounts on the owner's other devices. */
  readonly copies: PhoneAccountCopies
  /** The SIP messages of the last calls. */
  readonly callTrace: CallTrace
  /** Something of the peer's status changed. */
  readonly onStatus: Event<void>
  /** Somebody else of an open overlay has our user name; this device is not registered. */
  readonly onNameTaken: Event<void>
}

/** Short, so that a phone soon notices that this peer was restarted, or is lost: registrations live in memory. */
const phoneRegistrations = { defaultExpiresS: 300, maxExpiresS: 300 }

export function createPeer(parts: PeerParts): Peer {
  const { ports, stores, identity, configuration, network, settings } = parts
  const { clock, random, crypto, log } = ports
  const status = new Emitter<void>()
  const nameTaken = new Emitter<void>()
  const overlay = createOverlay({
    clock, random, crypto, log: log.child('overlay'), identity, configuration, document: identity.document,
    linkFactory: (credentials, listen) => createNoIceTlsFactory({ clock, random, network: ports.secureNetwork, interfaces: ports.network, credentials, listen }),
    resourceStore: stores.resources, ...(ports.machine !== undefined && { machine: ports.machine }), bootstrap: parts.bootstrap, listen: network.listen, firstPeer: parts.firstPeer, clientMode: network.client === true,
  })
  const transport = new OverlayTransport(overlay, (connection) => {
    sip.attach(connection)
    const { peerIdentity } = connection
    if (peerIdentity === undefined) return
    phone.noteReachable(peerIdentity.aor, peerIdentity.nodeId)
    if (peerIdentity.aor === identity.userName) copies.wake()
  }, clock)
  const resolver = new OverlayResolver(overlay, transport)
  const registration = new Registration({ overlay, identity, clock, log: log.child('registration'), user: { onRegistered: () => { status.emit() }, onNameTaken: () => { nameTaken.emit() } } })
  const phones = new PhoneService({
    clock, serving: network.sip, tls: ports.domainTls !== undefined, owner: () => identity.userName, onChange: () => { status.emit() },
    onPublished: (presences) => { phone.presence.setPublished(presences) },
    accounts: new PhoneAccounts({ random, hashes: crypto, store: stores.phoneAccounts, realm: identity.overlayName, now: () => clock.now(), owner: () => identity.userName }),
    element: () => sip,
  })
  const callTrace = new CallTrace(clock)
  const phone: Phone = createPhone({
    noteDialog: (id, callId) => { callTrace.claim(id, callId) },
    clock, random, log, settings, stores, onAccounts: (publication) => { copies.receive(publication) },
    resolver: new PhoneAwareResolver(identity.overlayName, new OutsideResolver({
      overlayName: identity.overlayName, overlay: resolver, allowed: () => settings.get().outsideCalls, outward: () => sip.server?.outward(),
    }), phones, () => identity.userName), aor: () => identity.userName,
    // The phone is the user of the user agent that it calls with.
    userAgent: {
      invite: (...args) => sip.userAgent.invite(...args), request: (...args) => sip.userAgent.request(...args),
      subscribe: (...args) => sip.userAgent.subscribe(...args),
    },
  })
  const copies = new PhoneAccountCopies({
    clock, log: log.child('phones'), accounts: phones.accounts, resolver, aor: () => identity.userName, namesAreProven: () => overlay.configuration.selfSignedDigest === undefined,
    userAgent: { request: (...args) => sip.userAgent.request(...args) },
  })
  const sip: SipElement = createSipElement({
    clock, random, log: log.child('sip'), user: phone.user, eventPackages: ['presence', 'dialog', 'message-summary'],
    local: () => ({ aor: identity.userName, displayName: identity.displayName }),
    network: ports.network,
    outside: {
      ...(ports.dns !== undefined && { dns: ports.dns }), ...(ports.webSockets !== undefined && { webSockets: ports.webSockets }),
      ...(ports.domainTls !== undefined && { tls: ports.domainTls, identity: { certificate: identity.certificate, chain: identity.chain, privateKey: identity.privateKey } }),
    },
    limits: { sources: DEFAULT_SOURCE_RATES, ...(network.sip !== undefined && { maxTransactions: 40_000 }) },
    // A peer that serves no phones is a proxy for its own user agent: the way out of the overlay.
    server: {
      roles: new Set(network.sip?.roles), realm: identity.overlayName, hashes: crypto, accounts: phones.accounts, bindings: phones.registered, limits: phoneRegistrations,
      publications: { table: phones.published, packages: new Map([['presence', pidfType]]), check: (_, body) => { parsePidf(body) } },
      ...(ports.openBridge === undefined ? {} : { openBridge: ports.openBridge }),
      location: new OverlayLocationService({
        overlayName: identity.overlayName, phones, resolver, transport,
        owner: () => ({ aor: identity.userName, displayName: identity.displayName }),
        isOwnAddress: (host, port) => sip.isOwnAddress(host, port),
      }),
    },
  })
  sip.transport.tap = callTrace
  const redir = new Redir({ overlay, clock, random, log: log.child('redir'), branchingFactor: () => overlay.configuration.redirBranchingFactor })
  overlay.onStatus(() => { status.emit() })
  return { identity, overlay, transport, sip, resolver, registration, redir, phone, phones, copies, callTrace, onStatus: status.event, onNameTaken: nameTaken.event }
}
