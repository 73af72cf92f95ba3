/**
 * The HTTPS server of a peer that others join through: the authority's enrolment, or in an open overlay the
 * document alone (RFC 6940 §11.2, §11.3). Knows the address to put into links.
 */
import { PeerError } from '../base/errors.ts'
import { enrolmentPath } from '../enrollment/enrolmentPorts.ts'
import { startDocumentServer, startEnrolServer, type EnrolServerUser } from '../enrollment/enrollServer.ts'
import type { HttpServer } from '../ports/http.ts'
import { documentUrlAt, type Account } from './accountService.ts'
import type { NetworkOptions, PeerPorts, PeerStores } from './ports.ts'

/** Beside RELOAD's 6084; another free one when it is taken. */
const defaultPort = 6085

export class DocumentServer {
  private server: HttpServer | undefined

  constructor(private readonly ports: PeerPorts, private readonly stores: Pick<PeerStores, 'authority'>, private readonly network: NetworkOptions) {}

  get port(): number | undefined { return this.server?.address.port }

  /** Where newcomers reach the document: of the running server, else where it ran last or would run. */
  url(): string {
    const known = this.stores.authority.load()?.enrolmentUrl
    const last = known === undefined || known === '' ? undefined : new URL(known)
    const port = this.port ?? (last === undefined || last.port === '' ? defaultPort : Number(last.port))
    return documentUrlAt(this.host(), port)
  }

  /** Starts it for those who need one. @param latest the document in force, of open overlays @throws PeerError 'port-in-use' never: a free port is taken instead */
  async start({ authority, document, identity }: Account, log: EnrolServerUser, latest: () => Uint8Array = () => identity.document): Promise<void> {
    if (authority === undefined && !document.open) return
    const listen = (port: number): Promise<HttpServer> => {
      const address = { host: this.network.listen?.host ?? '0.0.0.0', port }
      return authority === undefined ? startDocumentServer(this.ports, address, { ...identity, get document() { return latest() } }, log) : startEnrolServer(this.ports, address, authority, log)
    }
    const wanted = this.network.listen?.port === 0 ? 0 : Number(new URL(this.url()).port)
    try {
      this.server = await listen(wanted)
    } catch (cause) {
      if (!(cause instanceof PeerError) || cause.code !== 'port-in-use') throw cause
      this.server = await listen(0)
    }
    const record = this.stores.authority.load()
    if (record !== undefined) this.stores.authority.save({ ...record, enrolmentUrl: `https://${this.host()}:${this.server.address.port}${enrolmentPath}` })
  }

  async stop(): Promise<void> {
    await this.server?.close()
    this.server = undefined
  }

  /** The address that others on the network know this machine by. */
  private host(): string {
    const bound = this.network.listen?.host
    if (bound !== undefined && bound !== '0.0.0.0' && bound !== '::') return bound
    const addresses = this.ports.network.localAddresses()
    return (addresses.find((a) => !a.internal && a.family === 4) ?? addresses.find((a) => !a.internal) ?? { host: '127.0.0.1' }).host
  }
}
