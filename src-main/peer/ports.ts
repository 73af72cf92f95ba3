/** What a peer is made from: the machine it runs on, and what it keeps. Given by the host (cli/, electron/, tests). */
import type { Clock } from '../ports/clock.ts'
import type { Crypto, LegacyHashes } from '../ports/crypto.ts'
import type { Dns } from '../ports/dns.ts'
import type { DomainTls } from '../ports/domainTls.ts'
import type { HttpClient, HttpServerFactory } from '../ports/http.ts'
import type { Keychain } from '../ports/keychain.ts'
import type { Log } from '../ports/log.ts'
import type { Machine } from '../ports/machine.ts'
import type { Network, SocketAddress } from '../ports/network.ts'
import type { Random } from '../ports/random.ts'
import type { SecureNetwork } from '../ports/secureStream.ts'
import type { WebSockets } from '../ports/webSocket.ts'
import type { OpenSdpBridge } from '../sip/bridge/sdpBridge.ts'
import type { ServerRole } from '../sip/element/server.ts'
import type { Stores } from '../store/stores.ts'

export interface PeerPorts {
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto & LegacyHashes
  readonly network: Network
  readonly secureNetwork: SecureNetwork
  /** Names of other domains; without it no call leaves the overlay. */
  readonly dns?: Dns
  readonly webSockets?: WebSockets
  /** TLS for phones and other domains; without it there are UDP and TCP only. */
  readonly domainTls?: DomainTls
  readonly http: HttpClient
  readonly httpServers: HttpServerFactory
  readonly keychain: Keychain
  readonly log: Log
  /** What diagnostics may tell of program and machine (RFC 7851); absent: nothing. */
  readonly machine?: Machine
  /** Joins the sound of ordinary phones and the overlay; absent: such calls are refused by who has no codec in common. */
  readonly openBridge?: OpenSdpBridge
}

export type PeerStores = Omit<Stores, 'close'>

/** How this installation takes part in the network; from the command line, else the defaults. */
export interface NetworkOptions {
  /** Where RELOAD listens; undefined: port 6084 on all addresses, another free one when it is taken. */
  readonly listen: SocketAddress | undefined
  readonly bootstrap: readonly SocketAddress[]
  /** Find and be found on the local network; false overrules the setting. */
  readonly multicast: boolean
  /** A client of the overlay (RFC 6940 §4.2): attached to a peer, and none itself. */
  readonly client?: boolean | undefined
  /** Roles for ordinary SIP phones, and where they find this peer; absent: it serves none. */
  readonly sip?: SipServing | undefined
}

export interface SipServing {
  readonly roles: readonly ServerRole[]
  readonly listen: SocketAddress
  /** For phones in browsers (RFC 7118). */
  readonly webSocket?: SocketAddress | undefined
}

export const defaultNetwork: NetworkOptions = { listen: undefined, bootstrap: [], multicast: true }
