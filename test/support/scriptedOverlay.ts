/**
 * An overlay that does what a test says: values stand in a table, and `answer` decides how Store, Fetch and AppAttach
 * end. Records what it was asked. Resource-IDs are the bytes of the names, so that tests can read them.
 */
import { toHex, utf8Bytes } from '../../src-main/base/bytes.ts'
import { Emitter } from '../../src-main/base/event.ts'
import type { Certificate } from '../../src-main/ports/crypto.ts'
import { newConfiguration } from '../../src-main/reload/config/configuration.ts'
import type {
  AppPipe, DestinationSpec, FetchOptions, Overlay, OverlayPhase, OverlayStatus, ValueSelector, ValueToStore, VerifiedValue,
} from '../../src-main/reload/overlay/overlay.ts'
import { certificateByUserKind } from '../../src-main/reload/usages/certificateStore.ts'
import { encodeSipRegistration, sipRegistrationKind, type SipRegistration } from '../../src-main/reload/usages/sipRegistration.ts'

export const nodeOf = (n: number): Uint8Array => new Uint8Array(16).fill(n)
const noCertificate = { der: Uint8Array.of(0x30) } as Certificate

export interface Fetched { readonly name: string; readonly kind: number; readonly selector: ValueSelector; readonly options: FetchOptions | undefined }
export interface Stored { readonly name: string; readonly value: ValueToStore; readonly atMs: number }

export class ScriptedPipe implements AppPipe {
  readonly application: number
  readonly peerCertificate = noCertificate
  readonly local = { host: '10.0.0.1', port: 5061 }
  readonly remote = { host: '10.0.0.2', port: 5061 }
  readonly transport = 'TLS'
  user: AppPipe['user']
  readonly sent: Uint8Array[] = []
  closed = 0

  constructor(readonly peerNodeId: Uint8Array, readonly peerUserName = 'bob@office.example', application = 5060) { this.application = application }

  send(bytes: Uint8Array): void { this.sent.push(bytes) }
  close(): void { this.closed++ }
}

export class ScriptedOverlay implements Overlay {
  readonly nodeId = nodeOf(1)
  readonly counters = {}
  route: Overlay['route'] = [{ node: this.nodeId }]
  readonly configuration
  readonly fetched: Fetched[] = []
  readonly stored: Stored[] = []
  readonly attached: { readonly destination: DestinationSpec; readonly application: number; readonly signal: AbortSignal }[] = []
  readonly applications: number[] = []
  /** What waits for the test in each operation, or rejects. */
  answer: {
    store: (stored: Stored, signal: AbortSignal) => Promise<void>
    fetch: (fetched: Fetched, signal: AbortSignal) => Promise<void>
    attach: (node: Uint8Array, signal: AbortSignal) => Promise<AppPipe>
  } = { store: () => Promise.resolve(), fetch: () => Promise.resolve(), attach: (node) => Promise.resolve(new ScriptedPipe(node)) }
  private readonly table = new Map<string, VerifiedValue[]>()
  private readonly statusChanged = new Emitter<OverlayStatus>()
  private readonly routeChanged = new Emitter<undefined>()
  private readonly pipeOpened = new Emitter<AppPipe>()
  readonly onStatus = this.statusChanged.event
  readonly onRoute: Overlay['onRoute'] = (listener) => this.routeChanged.event(listener)
  readonly onPipe = this.pipeOpened.event
  readonly onDocument = new Emitter<Uint8Array>().event
  readonly onMissed = new Emitter<undefined>().event as Overlay['onMissed']
  readonly onExcluded: Overlay['onExcluded'] = () => () => { /* never */ }
  private phase: OverlayPhase

  constructor(readonly name = 'office.example', options: { readonly phase?: OverlayPhase; readonly open?: boolean; readonly nowMs?: () => number } = {}) {
    this.phase = options.phase ?? 'joined'
    this.nowMs = options.nowMs ?? (() => 0)
    this.configuration = newConfiguration({ instanceName: name, ...(options.open === true && { selfSignedDigest: 'sha256' as const }) })
  }
  private readonly nowMs: () => number

  get status(): OverlayStatus { return { phase: this.phase, step: null, listen: null, size: 3 } }

  become(phase: OverlayPhase): void { this.phase = phase; this.statusChanged.emit(this.status) }
  reroute(route: Overlay['route']): void { this.route = route; this.routeChanged.emit(undefined) }
  opens(pipe: AppPipe): void { this.pipeOpened.emit(pipe) }

  /** Puts values into the table: what Fetch finds, as verified. */
  put(name: string, kind: number, value: Uint8Array, signer: Uint8Array): void {
    const entry: VerifiedValue = { kind, key: signer, value, storageTimeMs: 0, lifetimeS: 3600, signer: noCertificate, signerUserName: name, signerNodeId: signer }
    const at = `${String(kind)} ${name}`
    this.table.set(at, [...this.table.get(at) ?? [], entry])
  }
  register(name: string, registration: SipRegistration, signer: Uint8Array): void { this.put(name, sipRegistrationKind, encodeSipRegistration(registration), signer) }
  registerDevice(name: string, node: Uint8Array, ...by: readonly Uint8Array[]): void {
    this.register(name, { type: 'route', contactPrefs: '', destinationList: [...by, node].map((id) => ({ node: id })) }, node)
  }
  registerUri(name: string, uri: string, signer = nodeOf(200)): void { this.register(name, { type: 'uri', uri }, signer) }
  putCertificate(name: string, signer: Uint8Array): void { this.put(name, certificateByUserKind, noCertificate.der, signer) }
  forget(name: string, kind: number): void { this.table.delete(`${String(kind)} ${name}`) }

  resourceId(name: Uint8Array | string): Uint8Array { return typeof name === 'string' ? utf8Bytes(name) : name }
  acceptApplication(application: number): void { this.applications.push(application) }

  async store(resourceId: Uint8Array, values: readonly ValueToStore[], signal: AbortSignal): Promise<void> {
    for (const value of values) {
      const stored = { name: this.nameOf(resourceId), value, atMs: this.nowMs() }
      this.stored.push(stored)
      await this.answer.store(stored, signal)
    }
  }

  async fetch(resourceId: Uint8Array, kind: number, selector: ValueSelector, signal: AbortSignal, options?: FetchOptions): Promise<readonly VerifiedValue[]> {
    const fetched = { name: this.nameOf(resourceId), kind, selector, options }
    this.fetched.push(fetched)
    await this.answer.fetch(fetched, signal)
    return this.table.get(`${String(kind)} ${fetched.name}`) ?? []
  }

  appAttach(destination: DestinationSpec, application: number, signal: AbortSignal): Promise<AppPipe> {
    this.attached.push({ destination, application, signal })
    const last = destination.at(-1)
    return last !== undefined && 'node' in last ? this.answer.attach(last.node, signal) : Promise.reject(new Error('no node'))
  }

  start(): Promise<void> { return Promise.reject(new Error('not scripted')) }
  stop(): Promise<void> { return Promise.reject(new Error('not scripted')) }
  ping(): ReturnType<Overlay['ping']> { return Promise.reject(new Error('not scripted')) }
  trace(): ReturnType<Overlay['trace']> { return Promise.reject(new Error('not scripted')) }
  updateDocument(): void { throw new Error('not scripted') }
  neighbours(): readonly [] { return [] }

  private nameOf(resourceId: Uint8Array): string { return resourceId.length === 16 && resourceId.every((byte) => byte === resourceId[0]) ? toHex(resourceId) : new TextDecoder().decode(resourceId) }
}
