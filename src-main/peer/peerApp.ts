/**
 * One installation: the account of the profile and, once there is one, the peer that runs as it. What hosts
 * (desktop, headless) and the contract's server hold in their hands.
 */
import type { PeerStatus } from '@shared/model/index.ts'
import { toHex } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import { Emitter, type Event } from '../base/event.ts'
import { createBootstrap } from '../connectivity/bootstrap.ts'
import { LanDiscovery } from '../connectivity/lanDiscovery.ts'
import { enrolmentPath } from '../enrollment/enrolmentPorts.ts'
import type { Identity } from '../enrollment/identity.ts'
import { checkUserName } from '../enrollment/names.ts'
import { refetchDocument } from '../enrollment/refetch.ts'
import { lapsedCodes } from '../enrollment/ownIdentity.ts'
import { SettingsService } from '../phone/settingsService.ts'
import type { OpenMulticastDns } from '../ports/multicastDns.ts'
import { certificateByUserKind } from '../reload/usages/certificateStore.ts'
import { overlayHash } from '../reload/wire/identifiers.ts'
import { AccountService, type Account, type Exclusion } from './accountService.ts'
import { createPeer, type Peer } from './createPeer.ts'
import { Discovery } from './discovery.ts'
import { DocumentRefresh } from './documentRefresh.ts'
import { DocumentServer } from './documentServer.ts'
import { startPeer, stopPeer } from './lifecycle.ts'
import { Renewal } from './renewal.ts'
import type { NetworkOptions, PeerPorts, PeerStores } from './ports.ts'
import { notEnrolled, peerStatusOf } from './status.ts'

export interface Warning { readonly code: string; readonly detail: string }

export interface PeerAppParts {
  readonly ports: PeerPorts & { readonly multicastDns: OpenMulticastDns }
  readonly stores: PeerStores
  readonly network: NetworkOptions
}

const expiryWarningMs = 14 * 86_400_000

export class PeerApp {
  readonly ports: PeerPorts
  readonly account: AccountService
  readonly settings: SettingsService
  readonly discovery: Discovery
  private readonly stores: PeerStores
  private readonly network: NetworkOptions
  private readonly lan: LanDiscovery
  private readonly documents: DocumentServer
  private readonly peerChanged = new Emitter<Peer | undefined>()
  private readonly warned = new Emitter<{ id: string; warning: Warning | undefined }>()
  private readonly warnings = new Map<string, Warning>()
  private running: Peer | undefined
  private refresh: DocumentRefresh | undefined
  private online = false
  private readonly renewal: Renewal<Identity>
  /** A peer that was excluded and is going off the network. */
  private leaving: Promise<void> = Promise.resolve()
  /** The peer came to be, or is gone. */
  readonly onPeer: Event<Peer | undefined> = this.peerChanged.event
  /** Something the user should know; `warning` undefined when it is over. */
  readonly onWarning: Event<{ id: string; warning: Warning | undefined }> = this.warned.event

  constructor({ ports, stores, network }: PeerAppParts) {
    this.ports = ports
    this.stores = stores
    this.network = network
    this.settings = new SettingsService(stores.settings)
    this.lan = new LanDiscovery(ports.clock, ports.random, ports.multicastDns)
    this.discovery = new Discovery(ports.clock, this.lan, (cause) => { this.warnMulticast(cause) })
    this.documents = new DocumentServer(ports, stores, network)
    this.account = new AccountService(ports, stores, (id) => this.discovery.find(id), () => this.documents.url())
    this.account.onEnrolled((account) => { this.enrolled(account) })
    this.renewal = new Renewal(ports.clock, ports.log.child('renewal'), {
      current: () => this.account.renewable,
      renew: (signal) => this.account.renew(this.enrolmentSeen(), signal),
      isQuiet: () => this.running?.phone.calls.isIdle ?? true,
      use: async (renewed) => { await this.goOffline(); await this.account.adoptRenewed(renewed) },
    })
  }

  get peer(): Peer | undefined { return this.running }
  get currentWarnings(): ReadonlyMap<string, Warning> { return this.warnings }

  /**
   * Takes up the profile's identity; stays off the network. A lapsed one (expired, key gone) is told as a warning:
   * the user can join again, and keeps contacts, messages and history.
   * @throws PeerError 'clock-wrong'
   */
  async load(): Promise<void> {
    try {
      await this.account.load()
    } catch (cause) {
      if (!(cause instanceof PeerError) || !lapsedCodes.includes(cause.code)) throw cause
      this.warn(cause.code, cause.message)
    }
  }

  /** Goes on the network as soon as the profile is enrolled, now or later. @throws PeerError 'port-in-use' */
  async start(): Promise<void> {
    this.online = true
    this.renewal.start()
    if (this.running !== undefined && this.account.account !== undefined) await this.goOnline(this.running, this.account.account)
  }

  async close(): Promise<void> {
    this.online = false
    this.renewal.stop()
    await this.lan.stop()
    await this.documents.stop()
    await this.goOffline()
  }

  private async goOffline(): Promise<void> {
    this.refresh?.stop()
    const { running } = this
    this.running = undefined
    await this.leaving
    if (running === undefined) return
    await stopPeer(running, this.ports.clock)
    this.peerChanged.emit(undefined)
  }

  /** Where the organiser's app is on this network, as far as it is known without looking. */
  private enrolmentSeen(): readonly string[] {
    const rootFingerprint = this.account.account?.document.rootFingerprint
    return this.lan.hints().filter((hint) => hint.rootFingerprint === rootFingerprint && hint.configurationUrl !== '')
      .map(({ configurationUrl }) => new URL(enrolmentPath, configurationUrl).href)
  }

  status(): PeerStatus {
    if (this.running === undefined) return this.account.account === undefined ? notEnrolled : { ...notEnrolled, phase: 'stopped' }
    return peerStatusOf(this.running, { enrols: this.documents.port !== undefined, started: this.online })
  }

  /**
   * Excludes a user from the overlay, or one of his devices, here and from here everywhere (RFC 6940 §11.1).
   * @throws PeerError 'not-enrolled', 'not-organiser', 'user-unknown'; in open overlays as Overlay.fetch
   */
  async excludeUser(user: string, only: string | undefined, signal: AbortSignal): Promise<Exclusion> {
    const { account, running } = this
    if (running === undefined || account.account === undefined) throw new PeerError('not-enrolled', 'this profile belongs to no overlay yet')
    const { identity, authority } = account.account
    let known: readonly Uint8Array[] = []
    if (authority === undefined) {
      const name = checkUserName(user, identity.overlayName)
      const found = await running.overlay.fetch(running.overlay.resourceId(name), certificateByUserKind, { model: 'array', ranges: [{ first: 0, last: 0xffffffff }] }, signal)
      known = found.map(({ signerNodeId }) => signerNodeId)
    }
    const exclusion = account.exclude(user, known, only)
    if (exclusion.nodeIds.length > 0) running.overlay.updateDocument(exclusion.document)
    return exclusion
  }

  /**
   * Lets the organiser's node read the figures of every peer, or nobody any more (RFC 7851 §7), here and from here everywhere.
   * @throws PeerError 'not-enrolled', 'not-organiser'
   */
  setDiagnostics(on: boolean): void {
    if (this.running === undefined) throw new PeerError('not-enrolled', 'this profile belongs to no overlay yet')
    this.running.overlay.updateDocument(this.account.diagnosticsDocument(on))
  }

  private excluded(peer: Peer, code: string, why: string): void {
    this.ports.log.error('excluded', { code, why })
    this.warn(code, code === 'certificate-invalid' ? `The organiser of ${peer.identity.overlayName} has excluded this device. To come back, ask for a new invitation and join again.` : why)
    if (this.running !== peer) return
    this.refresh?.stop()
    this.running = undefined
    this.peerChanged.emit(undefined)
    this.leaving = stopPeer(peer, this.ports.clock).catch((cause: unknown) => { this.ports.log.error('stop', { cause: String(cause) }) })
  }

  warn(id: string, detail: string): void {
    const warning = { code: id, detail }
    this.warnings.set(id, warning)
    this.warned.emit({ id, warning })
  }

  private unwarn(id: string): void {
    if (this.warnings.delete(id)) this.warned.emit({ id, warning: undefined })
  }

  private enrolled(account: Account): void {
    for (const code of [...lapsedCodes, 'certificate-expiring']) this.unwarn(code)
    const { ports, stores, network, settings } = this
    const { identity, document } = account
    const view = this.account.view()
    const cached = stores.bootstrapCache.list(identity.overlayName).length > 0
    this.running = createPeer({
      ports, stores, network, settings, identity, configuration: document.configuration,
      // A ring that everybody left must be able to begin again with whoever comes back first.
      firstPeer: view?.overlay.organiser === true || cached,
      bootstrap: createBootstrap({
        overlayName: identity.overlayName, rootFingerprint: document.rootFingerprint, cache: stores.bootstrapCache, now: () => ports.clock.now(),
        lan: this.multicast ? this.lan : undefined,
        nodes: () => [...network.bootstrap, ...document.configuration.bootstrapNodes],
        onLanFailure: (cause) => { this.warnMulticast(cause) },
      }),
    })
    const started = this.running
    started.overlay.onDocument((bytes) => {
      try {
        this.account.replaceDocument(bytes)
      } catch (cause) {
        if (!(cause instanceof PeerError)) throw cause
        this.warn(cause.code, cause.message)
      }
    })
    started.overlay.onExcluded(({ code, why }) => { this.excluded(started, code, why) })
    this.running.onNameTaken(() => { this.warn('name-taken', `Somebody else in ${identity.overlayName} is ${identity.userName} already. Calls and messages to this name do not reach you. Join with another name, from a new profile.`) })
    if (ports.keychain.protection === 'file') this.warn('keyring-missing', 'This computer has no keyring: the private key is kept in a file that only you can read.')
    if (identity.certificate.notAfter - ports.clock.now() < expiryWarningMs) {
      this.warn('certificate-expiring', `Your certificate ends on ${new Intl.DateTimeFormat('en').format(identity.certificate.notAfter)}. Ringway renews it by itself when the organiser’s app is running; else ask for a new invitation.`)
    }
    this.peerChanged.emit(this.running)
    if (this.online) {
      this.goOnline(this.running, account).catch((cause: unknown) => {
        this.warn(cause instanceof PeerError ? cause.code : 'internal', cause instanceof Error ? cause.message : String(cause))
      })
    }
  }

  private get multicast(): boolean { return this.network.multicast && this.settings.get().multicast }

  private async goOnline(peer: Peer, account: Account): Promise<void> {
    const log = this.ports.log.child('enrol')
    await this.documents.start(account, {
      onEnrolled: (userName) => { log.info('enrolled', { userName }) },
      onRefused: (reason, remote) => { log.warn('refused', { reason, remote: remote.host }) },
    }, () => this.account.account?.identity.document ?? account.identity.document)
    await startPeer(peer)
    this.refreshDocument(peer, account)
    const { listen } = peer.overlay.status
    if (listen !== null && this.network.listen === undefined && listen.port !== 6084) {
      this.warn('port-changed', `Port 6084 is taken on this computer; Ringway listens on ${listen.port} instead.`)
    }
    if (listen !== null && this.multicast) {
      const { document } = account
      await this.lan.advertise({
        overlayName: account.identity.overlayName, overlayHash: overlayHash(this.ports.crypto, account.identity.overlayName),
        rootFingerprint: document.rootFingerprint, open: document.open, listen, configurationPort: this.documents.port,
      }).catch((cause: unknown) => { this.warnMulticast(cause) })
    }
    this.ports.log.info('online', { nodeId: toHex(peer.identity.nodeId) })
  }

  /** Whoever makes the overlay's documents has the newest. */
  private refreshDocument(peer: Peer, { authority }: Account): void {
    const { clock, random, log } = this.ports
    this.refresh?.stop()
    this.refresh = authority !== undefined ? undefined : new DocumentRefresh({
      clock, random, log: log.child('document'), overlay: peer.overlay,
      fetch: async (signal) => {
        const current = this.account.account?.document
        return current === undefined ? undefined : await refetchDocument(this.ports, current, [this.stores.identity.load()?.enrolmentUrl ?? ''], signal)
      },
    })
    this.refresh?.start()
  }

  private warnMulticast(cause: unknown): void {
    this.ports.log.warn('multicast.unavailable', { cause: String(cause) })
    this.warn('multicast-unavailable', 'The local network cannot be searched for peers (no multicast). Invitation links and known addresses still work.')
  }
}
