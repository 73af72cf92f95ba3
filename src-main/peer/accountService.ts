/**
 * Who this profile is: makes an overlay, joins one, invites others (RFC 6940 §11). Owns the identity and, for an
 * organiser, the overlay's authority; tells the lifecycle when there is somebody to go on the network as.
 */
import type { AccountView, InvitationView, IssuedInvitation, OverlayHint } from '@shared/model/index.ts'
import { equalBytes, toHex } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import { Emitter, type Event } from '../base/event.ts'
import { Authority } from '../enrollment/authority.ts'
import { createAuthority } from '../enrollment/createAuthority.ts'
import { checkDocument, type CheckedDocument } from '../enrollment/document.ts'
import { joinOverlay } from '../enrollment/enroll.ts'
import { documentPath } from '../enrollment/enrolmentPorts.ts'
import type { Identity } from '../enrollment/identity.ts'
import { inspectInvitation } from '../enrollment/invitation.ts'
import { pinBytes, printLink } from '../enrollment/invitationCode.ts'
import { checkUserName } from '../enrollment/names.ts'
import { nextDocument, withBadNodes } from '../enrollment/nextDocument.ts'
import { loadIdentity } from '../enrollment/ownIdentity.ts'
import { renewCertificate } from '../enrollment/renew.ts'
import { createOpenOverlay } from '../enrollment/selfSigned.ts'
import type { InvitationRecord } from '../enrollment/stores.ts'
import type { KeyType } from '../ports/crypto.ts'
import { withDiagnosticsFor, type OverlayConfiguration } from '../reload/config/configuration.ts'
import { Signer } from '../reload/security/signer.ts'
import type { PeerPorts, PeerStores } from './ports.ts'

export interface Account {
  readonly identity: Identity
  readonly document: CheckedDocument
  /** undefined in open overlays and for everybody but the organiser */
  readonly authority: Authority | undefined
}

export interface NewOverlayRequest {
  readonly name: string
  readonly userName: string
  readonly displayName?: string | undefined
  readonly open?: boolean | undefined
  readonly domains?: readonly string[] | undefined
  readonly diagnostics?: boolean | undefined
  readonly keyType?: KeyType | undefined
  readonly topology?: 'self-tuning' | undefined
}

export interface Exclusion {
  readonly userName: string
  /** Node-IDs that are excluded now, hexadecimal; empty when only invitations were taken back */
  readonly nodeIds: readonly string[]
  readonly document: Uint8Array
}

export interface JoinOverlayRequest {
  readonly text?: string | undefined
  /** id of an overlay seen on the local network */
  readonly discovered?: string | undefined
  readonly userName?: string | undefined
  readonly displayName?: string | undefined
  readonly code?: string | undefined
  readonly keyType?: KeyType | undefined
}

const hourMs = 3_600_000
const invitationHours = 7 * 24

export class AccountService {
  private current: Account | undefined
  private busy = false
  private readonly changed = new Emitter<Account>()
  /** This profile became somebody. */
  readonly onEnrolled: Event<Account> = this.changed.event

  /**
   * @param hint an overlay seen on the local network, by id
   * @param documentUrl where newcomers reach this installation's document, as far as is known now
   */
  constructor(
    private readonly ports: PeerPorts, private readonly stores: PeerStores,
    private readonly hint: (id: string) => Promise<OverlayHint | undefined>, private readonly documentUrl: () => string | undefined,
  ) {}

  get account(): Account | undefined { return this.current }

  /** Takes up the identity of an earlier run. @throws PeerError 'key-unreadable', 'certificate-expired', 'certificate-invalid', 'clock-wrong' */
  async load(): Promise<void> {
    const identity = await loadIdentity(this.ports, this.stores.identity)
    if (identity !== undefined) await this.adopt(identity)
  }

  /** @throws PeerError 'already-enrolled', 'overlay-name-invalid', 'name-invalid', 'disk-full' */
  create({ name, userName, displayName, open, domains, diagnostics, keyType, topology }: NewOverlayRequest): Promise<AccountView> {
    return this.once(async () => {
      const wanted = {
        overlayName: name, userName, displayName: displayName?.trim() || userName, domainPatterns: domains ?? [], diagnostics: diagnostics === true,
        ...(keyType !== undefined && { keyType }),
        ...(topology !== undefined && { topologyPlugin: 'CHORD-SELF-TUNING' as const }),
      }
      const identity = open === true
        ? await createOpenOverlay(this.ports, this.stores.identity, wanted)
        : await createAuthority(this.ports, { identity: this.stores.identity, authority: this.stores.authority }, wanted)
      return this.adopt(identity)
    })
  }

  /** @throws PeerError as `joinOverlay` */
  join({ text, discovered, userName, displayName, code, keyType }: JoinOverlayRequest): Promise<AccountView> {
    return this.once(async () => {
      const source = text ?? await this.found(discovered)
      const identity = await joinOverlay(this.ports, this.stores.identity, {
        source,
        ...(userName !== undefined && { userName }), ...(displayName !== undefined && { displayName }), ...(code !== undefined && { code }),
        ...(keyType !== undefined && { keyType }),
      }, new AbortController().signal)
      return this.adopt(identity)
    })
  }

  /** @throws PeerError 'invitation-invalid', 'overlay-file-damaged', 'overlay-incompatible' */
  inspect(text: string): InvitationView { return inspectInvitation(this.ports, text) }

  /** The overlay document, exactly as it was signed. @throws PeerError 'not-enrolled' */
  document(): string { return new TextDecoder().decode(this.enrolled().identity.document) }

  /**
   * @param anotherDevice one more device of a user, with a Node-ID of its own; else a newcomer, or a device that is set up anew
   * @throws PeerError 'not-organiser', 'name-invalid', 'invalid-argument'
   */
  invite(user: string, hours: number = invitationHours, anotherDevice = false): IssuedInvitation {
    const { authority, document, identity } = this.enrolled()
    if (authority !== undefined) {
      const { record, code, link } = authority.invite(user, hours * hourMs, this.documentUrl(), anotherDevice)
      return { ...this.issued(authority, record), link, code }
    }
    if (!document.open) throw new PeerError('not-organiser', 'only the organiser of this overlay can invite')
    const userName = localPart(checkUserName(user, identity.overlayName))
    const link = printLink({
      overlayName: identity.overlayName, url: this.documentUrl(), code: undefined, pin: document.anchor.slice(0, pinBytes), user: userName,
    })
    return { id: 'open', userName, link, expiresAt: identity.certificate.notAfter, anotherDevice: false, state: 'open' }
  }

  /** Newest first; empty for everybody but the organiser. */
  invitations(): IssuedInvitation[] {
    const { authority } = this.enrolled()
    return authority?.invitations().map((record) => this.issued(authority, record)) ?? []
  }

  /** @throws PeerError 'not-organiser', 'invitation-invalid' */
  revokeInvitation(id: string): void {
    const { authority } = this.enrolled()
    if (authority === undefined) throw new PeerError('not-organiser', 'only the organiser of this overlay has invitations')
    authority.revoke(id)
  }

  /**
   * Excludes a user: makes the document that says so, and keeps it.
   * @param known in an open overlay, the Node-IDs that the user has certificates for
   * @param only one device of his, by its Node-ID in hexadecimal
   * @returns the document, to be put into force in the overlay
   * @throws PeerError 'not-organiser', 'user-unknown', 'name-invalid', 'invalid-argument'
   */
  exclude(user: string, known: readonly Uint8Array[] = [], only?: string): Exclusion {
    const { authority, identity, document } = this.enrolled()
    const userName = checkUserName(user, identity.overlayName)
    if (only === undefined ? userName === identity.userName : only === toHex(identity.nodeId)) throw new PeerError('invalid-argument', 'the organiser cannot exclude himself')
    if (!this.isOrganiser) throw new PeerError('not-organiser', 'only the organiser of this overlay can exclude somebody')
    const signer = new Signer(this.ports.crypto, identity)
    if (authority !== undefined) return authority.exclude(userName, signer, only)
    const nodeIds = known.filter((id) => (only === undefined || toHex(id) === only) && !document.configuration.badNodes.some((bad) => equalBytes(bad, id)))
    if (nodeIds.length === 0) throw new PeerError('user-unknown', `${userName} is not in this overlay`)
    return { userName, nodeIds: nodeIds.map(toHex), document: nextDocument(document.bytes, identity.overlayName, (configuration) => withBadNodes(configuration, nodeIds), signer) }
  }

  /**
   * Makes the document that lets the organiser's node read the figures of every peer (RFC 7851 §7), or nobody any more.
   * @returns the document, to be put into force in the overlay
   * @throws PeerError 'not-organiser'
   */
  diagnosticsDocument(on: boolean): Uint8Array {
    const { identity, document } = this.enrolled()
    if (!this.isOrganiser) throw new PeerError('not-organiser', 'only the organiser of this overlay decides who reads the figures of its peers')
    const change = (configuration: OverlayConfiguration): Partial<OverlayConfiguration> => withDiagnosticsFor(configuration, on ? [identity.nodeId] : [])
    return nextDocument(document.bytes, identity.overlayName, change, new Signer(this.ports.crypto, identity))
  }

  /**
   * Renews the certificate; undefined when there is nothing newer. It is saved, and used from the next `adoptRenewed` or start.
   * @param others addresses of the organiser's app that are seen now
   * @throws PeerError as `renewCertificate`
   */
  renew(others: readonly string[], signal: AbortSignal): Promise<Identity | undefined> {
    return renewCertificate(this.ports, this.stores.identity, this.enrolled().identity, others, signal)
  }

  /** The certificate of which this installation is to go by now, if it is one that others renew. */
  get renewable(): Identity['certificate'] | undefined {
    const account = this.current
    return account === undefined || account.document.open || account.authority !== undefined ? undefined : account.identity.certificate
  }

  /** Goes on under a renewed certificate: as one who has just enrolled. */
  async adoptRenewed({ certificate, chain }: Identity): Promise<void> {
    await this.adopt({ ...this.enrolled().identity, certificate, chain })
  }

  /** A newer overlay document is in force: kept for the next start, and for newcomers. @throws PeerError 'disk-full' */
  replaceDocument(bytes: Uint8Array): void {
    const account = this.enrolled()
    const record = this.stores.identity.load()
    if (record !== undefined) this.stores.identity.save({ ...record, document: bytes })
    account.authority?.replaceDocument(bytes)
    this.current = { ...account, identity: { ...account.identity, document: bytes }, document: checkDocument(this.ports, bytes, account.identity.overlayName) }
  }

  private get isOrganiser(): boolean {
    const { authority, identity, document } = this.enrolled()
    return authority !== undefined || document.configuration.configurationSigners.some((signer) => equalBytes(signer, identity.nodeId))
  }

  view(): AccountView | null {
    if (this.current === undefined) return null
    const { identity, document, authority } = this.current
    const { certificate, nodeId, overlayName, userName, displayName } = identity
    return {
      overlay: {
        name: overlayName, open: document.open, rootFingerprint: document.rootFingerprint,
        organiser: authority !== undefined || document.configuration.configurationSigners.some((signer) => equalBytes(signer, nodeId)),
        diagnosticsReaders: [...new Set(document.configuration.diagnosticKinds.flatMap(({ accessNodes }) => accessNodes.map(toHex)))],
      },
      aor: userName, userName: localPart(userName), displayName, nodeId: toHex(nodeId),
      certificate: {
        fingerprint: toHex(this.ports.crypto.sha256(certificate.der)), notBefore: certificate.notBefore, notAfter: certificate.notAfter,
        selfSigned: document.open,
      },
      keyProtection: this.ports.keychain.protection,
    }
  }

  private async adopt(identity: Identity): Promise<AccountView> {
    const account: Account = {
      identity, document: checkDocument(this.ports, identity.document, identity.overlayName),
      authority: await Authority.open(this.ports, this.stores.authority),
    }
    this.current = account
    this.changed.emit(account)
    return this.view() as AccountView
  }

  /** One enrolment at a time: a second click must not make a second key. */
  private async once<T>(work: () => Promise<T>): Promise<T> {
    if (this.busy) throw new PeerError('too-many-requests', 'an enrolment is running already')
    this.busy = true
    try { return await work() } finally { this.busy = false }
  }

  private async found(discovered: string | undefined): Promise<OverlayHint> {
    if (discovered === undefined) throw new PeerError('invitation-invalid', 'neither a link, a file nor an overlay that is seen on the network')
    const hint = await this.hint(discovered)
    if (hint === undefined) throw new PeerError('enrolment-unreachable', 'nobody of this overlay is seen on the network any more')
    return hint
  }

  private enrolled(): Account {
    if (this.current === undefined) throw new PeerError('not-enrolled', 'this profile belongs to no overlay yet')
    return this.current
  }

  private issued(authority: Authority, record: InvitationRecord): IssuedInvitation {
    return { id: record.id, userName: localPart(record.userName), expiresAt: record.expiresAt, anotherDevice: record.anotherDevice, state: authority.stateOf(record) }
  }
}

/** user of user@overlay */
function localPart(userName: string): string { return userName.slice(0, userName.lastIndexOf('@')) }

/** The document's address at a host and port. */
export function documentUrlAt(host: string, port: number): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}${documentPath}`
}
