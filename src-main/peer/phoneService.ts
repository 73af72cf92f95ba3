/**
 * The ordinary SIP phones of one peer: their accounts, their registrations, and whether the peer serves them now.
 * What the contract's `phones.*` call and what the location service and the resolver look into.
 */
import type { NewPhone, PhoneView } from '@shared/model/index.ts'
import { parsePidf, type Presence } from '../phone/pidf.ts'
import type { PhoneAccountRecord, PhoneAccounts } from '../phone/phoneAccounts.ts'
import type { LocalPhones } from '../p2psip/overlayLocationService.ts'
import type { Clock } from '../ports/clock.ts'
import type { SipElement } from '../sip/element/element.ts'
import { type Binding, Bindings } from '../sip/registrar/bindings.ts'
import { Publications } from '../sip/registrar/publications.ts'
import type { Connection } from '../sip/transport/connection.ts'
import { bracketHost } from '../sip/transport/address.ts'
import type { ServerRole } from '../sip/element/server.ts'
import type { SipServing } from './ports.ts'

export class PhoneService implements LocalPhones {
  readonly registered: Bindings
  /** What phones say of themselves (RFC 3903). */
  readonly published: Publications
  private listening = false
  /** Where phones find us over TLS; undefined while they cannot. */
  tlsPort: number | undefined
  /** host:port for phones on WebSockets. */
  webSocket: string | undefined

  constructor(private readonly deps: {
    readonly clock: Clock
    readonly serving: SipServing | undefined
    /** The element has TLS: phones find it one port above. */
    readonly tls: boolean
    readonly accounts: PhoneAccounts
    owner(): string
    onChange(): void
    /** What the presence documents of all phones say now. */
    onPublished(presences: readonly Presence[]): void
    element(): SipElement
  }) {
    deps.accounts.onGone((userName) => { this.registered.removeAccount(userName); this.published.removeAccount(userName) })
    deps.accounts.onChanged(() => { deps.onChange() })
    this.registered = new Bindings(deps.clock, () => { deps.onChange() })
    this.published = new Publications(deps.clock, () => { deps.onPublished([...this.published.all()].map(({ body }) => parsePidf(body))) })
  }

  get accounts(): PhoneAccounts { return this.deps.accounts }
  get roles(): readonly ServerRole[] { return this.listening ? this.deps.serving?.roles ?? [] : [] }

  /** host:port for phones; null while none are served. */
  get server(): string | null {
    const [first] = this.listening ? this.deps.element().addresses : []
    return first === undefined ? null : `${bracketHost(first.host)}:${first.port}`
  }

  /** @throws PeerError 'port-in-use' */
  async start(): Promise<void> {
    if (this.deps.serving === undefined || this.listening) return
    const { listen, webSocket } = this.deps.serving
    await this.deps.element().listen(listen)
    if (this.deps.tls) this.tlsPort = (await this.deps.element().listenTls({ host: listen.host, port: listen.port === 0 ? 0 : listen.port + 1 })).port
    if (webSocket !== undefined) {
      const { host, port } = await this.deps.element().listenWebSocket(webSocket)
      this.webSocket = `${bracketHost(host)}:${port}`
    }
    this.listening = true
    this.deps.onChange()
  }

  close(): void {
    this.listening = false
    this.registered.close()
    this.published.close()
  }

  /** @throws PeerError 'name-invalid', 'name-taken' */
  add(userName: string, displayName?: string, md5First?: boolean): NewPhone {
    const { account, password } = this.accounts.add(userName, displayName, md5First)
    return { phone: this.view(account), password, domain: this.accounts.realm, aor: this.deps.owner(), server: this.server }
  }

  list(): PhoneView[] { return this.accounts.list().map((account) => this.view(account)) }

  /** Its registrations end with it, here and on the owner's other devices. @throws PeerError 'phone-unknown' */
  remove(userName: string): void { this.accounts.remove(userName) }

  has(account: string): boolean { return this.accounts.get(account) !== undefined }
  displayName(account: string): string { return this.accounts.get(account)?.displayName ?? '' }

  *bindings(account?: string): Iterable<Binding> {
    for (const binding of this.registered.all()) if (account === undefined || binding.account === account.toLowerCase()) yield binding
  }

  outward(): Connection | undefined { return this.deps.element().server?.outward() }

  wayTo(binding: Binding): Connection | undefined { return this.deps.element().wayTo(binding) }

  private view(account: PhoneAccountRecord): PhoneView {
    const now = this.deps.clock.monotonic()
    return {
      userName: account.userName, displayName: account.displayName, createdAt: account.createdAt,
      registrations: [...this.bindings(account.userName)].map((binding) => ({
        contact: binding.contact, userAgent: binding.userAgent, expiresS: Math.max(0, Math.round((binding.expiresAtMs - now) / 1000)),
      })),
    }
  }
}
