/**
 * The organiser's certification authority (RFC 6940 §11.3): owns the overlay's root key, gives out one-time
 * invitation codes and certificates. Node-IDs are random and a returning device gets its own back (`returning.ts`); a
 * code is spent in the same transaction that records its certificate.
 */
import { equalBytes, fromHex, toHex } from '../base/bytes.ts'
import { DecodeError, PeerError } from '../base/errors.ts'
import type { Certificate, PrivateKey } from '../ports/crypto.ts'
import type { DocumentSigner } from '../reload/config/writeConfiguration.ts'
import { MAX_NODE_IDS, nodeIdUri } from '../reload/security/overlayCertificate.ts'
import { backdateMs, certificateLifeMs, dayMs, type EnrolmentPorts } from './enrolmentPorts.ts'
import { parseCode, pinBytes, printCode, printLink } from './invitationCode.ts'
import { checkUserName } from './names.ts'
import { badNodesOf, nextDocument, withBadNodes } from './nextDocument.ts'
import { importKey } from './ownIdentity.ts'
import { readRequest, type CertificationRequest } from './pkcs10.ts'
import { deviceOfKey, returningDevice } from './returning.ts'
import type { AuthorityRecord, AuthorityStore, EnrolledDevice, InvitationRecord } from './stores.ts'
import { issueCertificate } from './x509.ts'

type Ports = Pick<EnrolmentPorts, 'clock' | 'random' | 'crypto' | 'keychain'>

const minKeyBits = { rsa: 2048, ec: 256 } as const
const longestInvitationMs = 365 * dayMs

/** What a newcomer sends. */
export interface EnrolmentRequest {
  /** as typed; '' takes the name of the invitation */
  readonly userName: string
  readonly code: string
  /** DER PKCS#10 */
  readonly csr: Uint8Array
  /** Node-IDs wanted, 1 to 16; default 1 */
  readonly nodeIds?: number
}

export type RefusalCode = 'invitation-invalid' | 'invitation-used' | 'invitation-expired' | 'name-taken' | 'name-invalid' | 'enrolment-refused'
export type EnrolmentResult = { readonly certificate: Uint8Array; readonly userName: string } | { readonly refused: RefusalCode; readonly token: RefusalToken }
/** The tokens of RFC 6940 §11.3. */
export type RefusalToken = 'failed_authentication' | 'username_not_available' | 'Node-IDs_not_available' | 'bad_CSR'

const refuse = (refused: RefusalCode, token: RefusalToken): EnrolmentResult => ({ refused, token })

export interface Invitation {
  readonly record: InvitationRecord
  readonly code: string
  readonly link: string
}

export type InvitationState = 'open' | 'used' | 'expired' | 'revoked'

/** A certificate for a user's key, with the names of RFC 6940 §11.3. */
export function certifyUser(
  { clock, random, crypto }: Pick<Ports, 'clock' | 'random' | 'crypto'>, root: { readonly certificate: Certificate; readonly key: PrivateKey },
  user: { readonly userName: string; readonly nodeIds: readonly Uint8Array[]; readonly overlayName: string; readonly publicKeyInfo: Uint8Array; readonly lifeMs: number },
): Uint8Array {
  return issueCertificate(crypto, {
    publicKeyInfo: user.publicKeyInfo, purpose: 'peer', serialNumber: random.bytes(16),
    altNames: [...user.nodeIds.map((nodeId) => ({ kind: 'uri' as const, value: nodeIdUri(nodeId, user.overlayName) })), { kind: 'email', value: user.userName }],
    notBefore: clock.now() - backdateMs, notAfter: Math.min(clock.now() + user.lifeMs, root.certificate.notAfter),
  }, root)
}

/** 16 random bytes that are not the wildcard and not zero. */
export function freshNodeId(random: Ports['random']): Uint8Array {
  for (;;) {
    const id = random.bytes(16)
    if (id.some((byte) => byte !== 0) && id.some((byte) => byte !== 0xff)) return id
  }
}

export class Authority {
  private constructor(
    private readonly ports: Ports, private readonly store: AuthorityStore, private record: AuthorityRecord,
    readonly rootCertificate: Certificate, private readonly rootKey: PrivateKey,
  ) {}

  /**
   * The authority of this profile; undefined when it organises no overlay.
   * @throws PeerError 'key-unreadable', 'certificate-invalid'
   */
  static async open(ports: Ports, store: AuthorityStore): Promise<Authority | undefined> {
    const record = store.load()
    if (record === undefined) return undefined
    const secret = await ports.keychain.load(record.keyName)
    if (secret === undefined) throw new PeerError('key-unreadable', 'the key of the overlay’s authority is gone')
    const key = importKey(ports.crypto, secret)
    let root: Certificate
    try {
      root = ports.crypto.parseCertificate(record.rootCertificate)
    } catch (cause) { throw new PeerError('certificate-invalid', 'the root of the overlay is damaged', { cause }) }
    if (!equalBytes(root.publicKeyInfo, key.publicKeyInfo)) throw new PeerError('key-unreadable', 'the key of the overlay’s authority is another one')
    return new Authority(ports, store, record, root, key)
  }

  get overlayName(): string { return this.record.overlayName }
  get document(): Uint8Array { return this.record.document }

  /**
   * A one-time invitation for one user: a new one, one who returns and is to get his Node-ID back, or one more device.
   * @param url where newcomers reach the document; undefined leaves them to the local network
   * @throws PeerError 'name-invalid', 'invalid-argument'
   */
  invite(user: string, lifeMs: number, url: string | undefined, anotherDevice = false): Invitation {
    if (!(lifeMs > 0 && lifeMs <= longestInvitationMs)) throw new PeerError('invalid-argument', 'an invitation lasts between a moment and a year')
    const { clock, crypto, random } = this.ports
    const userName = checkUserName(user, this.overlayName)
    const secret = random.bytes(10)
    const record: InvitationRecord = {
      id: toHex(random.bytes(8)), userName, codeHash: toHex(crypto.sha256(secret)),
      createdAt: clock.now(), expiresAt: clock.now() + lifeMs, usedAt: undefined, revokedAt: undefined, anotherDevice,
    }
    this.store.addInvitation(record)
    const pin = crypto.sha256(this.rootCertificate.publicKeyInfo).slice(0, pinBytes)
    const code = printCode({ secret, pin })
    return { record, code, link: printLink({ overlayName: this.overlayName, url, code, pin, user: userName.slice(0, userName.indexOf('@')) }) }
  }

  /** Newest first. */
  invitations(): readonly InvitationRecord[] { return this.store.invitations() }

  stateOf({ usedAt, revokedAt, expiresAt }: InvitationRecord): InvitationState {
    if (usedAt !== undefined) return 'used'
    if (revokedAt !== undefined) return 'revoked'
    return expiresAt <= this.ports.clock.now() ? 'expired' : 'open'
  }

  /** @throws PeerError 'invitation-invalid' when there is no such open invitation */
  revoke(id: string): void {
    if (!this.store.revokeInvitation(id, this.ports.clock.now())) throw new PeerError('invitation-invalid', 'there is no such open invitation')
  }

  /**
   * Excludes a user from the overlay: the Node-IDs of his devices become bad-nodes of a new document, which is the one
   * from now on, and his open invitations are taken back. Inviting him again is possible and gives him another Node-ID.
   * @param signer the organiser's, a configuration-signer of the present document
   * @param only one of his devices, by a Node-ID in hexadecimal; his other devices and invitations stay
   * @throws PeerError 'user-unknown' when he has neither certificate nor invitation, or is excluded already; 'name-invalid'
   */
  exclude(user: string, signer: DocumentSigner, only?: string): { readonly document: Uint8Array; readonly userName: string; readonly nodeIds: readonly string[] } {
    const userName = checkUserName(user, this.overlayName)
    const bad = this.badNodes()
    const devices = this.store.devices(userName).filter((device) => only === undefined || device.nodeIds.includes(only))
    const nodeIds = devices.flatMap((device) => device.nodeIds).filter((id) => !bad.has(id))
    const open = only !== undefined ? [] : this.invitations().filter((invitation) => invitation.userName === userName && this.stateOf(invitation) === 'open')
    if (nodeIds.length === 0 && open.length === 0) throw new PeerError('user-unknown', `${userName} is not in this overlay`)
    for (const { id } of open) this.store.revokeInvitation(id, this.ports.clock.now())
    if (nodeIds.length === 0) return { document: this.document, userName, nodeIds }
    const document = nextDocument(this.document, this.overlayName, (configuration) => withBadNodes(configuration, nodeIds.map(fromHex)), signer)
    this.replaceDocument(document)
    return { document, userName, nodeIds }
  }

  /** A newer document of this overlay: given to newcomers from now on. */
  replaceDocument(document: Uint8Array): void {
    // Read anew: the address of enrolment is written there by others.
    this.record = { ...this.store.load() ?? this.record, document }
    this.store.save(this.record)
  }

  /** Judges a request and, if all is well, spends the code and issues the certificate. */
  enrol(request: EnrolmentRequest): EnrolmentResult {
    const { clock, crypto } = this.ports
    if (request.code === '') return this.renew(request)
    let codeHash: string
    try {
      codeHash = toHex(crypto.sha256(parseCode(request.code).secret))
    } catch { return refuse('invitation-invalid', 'failed_authentication') }
    const invitation = this.store.invitationByHash(codeHash)
    if (invitation === undefined || invitation.revokedAt !== undefined) return refuse('invitation-invalid', 'failed_authentication')
    const csr = this.requestIn(request.csr)
    if (csr === undefined) return refuse('enrolment-refused', 'bad_CSR')
    if (invitation.usedAt !== undefined) return this.repeated(invitation.userName, csr) ?? refuse('invitation-used', 'failed_authentication')
    if (invitation.expiresAt <= clock.now()) return refuse('invitation-expired', 'failed_authentication')
    if (csr.keyBits < minKeyBits[csr.keyType]) return refuse('enrolment-refused', 'bad_CSR')
    const name = this.nameProblem(request.userName, csr.emails, invitation.userName)
    if (name !== undefined) return refuse(name, 'username_not_available')
    const nodeIds = request.nodeIds ?? 1
    if (!(Number.isInteger(nodeIds) && nodeIds >= 1 && nodeIds <= MAX_NODE_IDS)) return refuse('enrolment-refused', 'Node-IDs_not_available')
    return this.issue(invitation, csr, nodeIds)
  }

  /** undefined when it is none, or its sender has not the key. */
  private requestIn(csr: Uint8Array): CertificationRequest | undefined {
    try {
      return readRequest(this.ports.crypto, csr)
    } catch (cause) {
      if (cause instanceof DecodeError) return undefined
      throw cause
    }
  }

  /** The devices of a user that have not been excluded, the one enrolled first first. */
  devices(userName: string): readonly EnrolledDevice[] {
    const bad = this.badNodes()
    return this.store.devices(userName).filter((device) => !device.nodeIds.some((id) => bad.has(id)))
  }

  /**
   * A further certificate for the key and the Node-IDs of one that still holds: whoever has signed the request has that
   * key, so nothing else is asked. What is asked for too early, or again, is the certificate there is.
   */
  private renew(request: EnrolmentRequest): EnrolmentResult {
    const { clock, crypto } = this.ports
    const csr = this.requestIn(request.csr)
    if (csr === undefined) return refuse('enrolment-refused', 'bad_CSR')
    const { userName } = request
    const device = deviceOfKey(crypto, this.devices(userName), csr.publicKeyInfo)
    if (device === undefined) return refuse('invitation-invalid', 'failed_authentication')
    const { notAfter, altNames } = crypto.parseCertificate(device.certificate)
    if (notAfter <= clock.now()) return refuse('invitation-expired', 'failed_authentication')
    if (notAfter - clock.now() > certificateLifeMs / 2) return { certificate: device.certificate, userName }
    const renewed = this.certified(userName, device, csr, altNames.filter(({ kind }) => kind === 'uri').length)
    this.store.enrol(undefined, renewed)
    return { certificate: renewed.certificate, userName }
  }

  /** A certificate for the HTTPS server of the document and of enrolment; it names the overlay and no node (RFC 6940 §11.3). */
  async serverCredentials(): Promise<{ readonly chain: readonly Certificate[]; readonly privateKey: PrivateKey }> {
    const { clock, crypto, random } = this.ports
    const privateKey = await crypto.generateKey('ec')
    const der = issueCertificate(crypto, {
      publicKeyInfo: privateKey.publicKeyInfo, commonName: this.overlayName.slice(0, 64), altNames: [{ kind: 'dns', value: this.overlayName }],
      notBefore: clock.now() - backdateMs, notAfter: Math.min(clock.now() + certificateLifeMs, this.rootCertificate.notAfter),
      serialNumber: random.bytes(16), purpose: 'server',
    }, { certificate: this.rootCertificate, key: this.rootKey })
    // The root goes along: whoever has only a digest of its key must be able to find it.
    return { chain: [crypto.parseCertificate(der), this.rootCertificate], privateKey }
  }

  private issue(invitation: InvitationRecord, csr: CertificationRequest, count: number): EnrolmentResult {
    const { userName } = invitation
    const device = this.certified(userName, returningDevice(this.ports.crypto, this.overlayName, this.devices(userName), csr, invitation.anotherDevice), csr, count)
    return this.store.enrol(invitation.id, device) ? { certificate: device.certificate, userName } : refuse('invitation-used', 'failed_authentication')
  }

  /** @param before the device that returns and keeps its Node-IDs; undefined for a new one */
  private certified(userName: string, before: EnrolledDevice | undefined, csr: CertificationRequest, count: number): EnrolledDevice {
    const { clock, random } = this.ports
    const nodeIds = [...before?.nodeIds ?? []]
    while (nodeIds.length < count) nodeIds.push(toHex(freshNodeId(random)))
    const certificate = certifyUser(this.ports, { certificate: this.rootCertificate, key: this.rootKey }, {
      userName, nodeIds: nodeIds.slice(0, count).map(fromHex), overlayName: this.overlayName, publicKeyInfo: csr.publicKeyInfo, lifeMs: certificateLifeMs,
    })
    return { userName, nodeIds, certificate, enrolledAt: clock.now() }
  }

  /** The same request once more: its answer was lost on the way, so it is given again. */
  private repeated(userName: string, csr: CertificationRequest): EnrolmentResult | undefined {
    const device = deviceOfKey(this.ports.crypto, this.devices(userName), csr.publicKeyInfo)
    return device === undefined ? undefined : { certificate: device.certificate, userName }
  }

  private badNodes(): ReadonlySet<string> { return new Set(badNodesOf(this.document, this.overlayName).map(toHex)) }

  private nameProblem(typed: string, emails: readonly string[], invited: string): RefusalCode | undefined {
    for (const wanted of [...(typed.trim() === '' ? [] : [typed]), ...emails]) {
      let name: string
      try {
        name = checkUserName(wanted, this.overlayName)
      } catch { return 'name-invalid' }
      if (name !== invited) return this.store.devices(name).length === 0 ? 'enrolment-refused' : 'name-taken'
    }
    return undefined
  }
}
