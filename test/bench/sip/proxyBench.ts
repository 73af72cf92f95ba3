/** What the proxy shared by the benchmarks is made of: every phone is known, nobody is asked for a password unless told so. */
import { PeerError } from '../../../src-main/base/errors.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeCrypto } from '../../../src-main/node/crypto.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import type { Clock } from '../../../src-main/ports/clock.ts'
import type { Log } from '../../../src-main/ports/log.ts'
import type { Network } from '../../../src-main/ports/network.ts'
import { Authenticator, type Verdict } from '../../../src-main/sip/auth/authenticator.ts'
import { digestSecret } from '../../../src-main/sip/auth/digest.ts'
import { Nonces } from '../../../src-main/sip/auth/nonces.ts'
import { Seal } from '../../../src-main/sip/auth/seal.ts'
import { createSipElement, type SipElement } from '../../../src-main/sip/element/element.ts'
import type { LocationService } from '../../../src-main/sip/locationService.ts'
import { Bindings } from '../../../src-main/sip/registrar/bindings.ts'
import { FlowWatch } from '../../../src-main/sip/registrar/flowWatch.ts'
import { Registrar } from '../../../src-main/sip/registrar/registrar.ts'
import type { UserAgentUser } from '../../../src-main/sip/ua/userAgent.ts'

export const HOST = '127.0.0.10', CALLEE = { host: '127.0.0.12', port: 5080 }
const REALM = 'bench.example'
const log: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => log }
const nobody: UserAgentUser = { onInvite: (call) => { call.reject(404) }, onMessage: (message) => { message.respond(404) }, onSubscribe: (subscription) => { subscription.reject(404) } }

/** No such thing exists in the product: there every phone must log in. */
class Believing extends Authenticator {
  override judge(): Verdict { return { kind: 'accepted', username: 'caller' } }
}

/** @param open nobody is asked who he is. Otherwise the password of every account is `secret` */
export function benchProxy(network: Network, open: boolean, clock: Clock = createNodeClock()): SipElement {
  const hashes = createNodeCrypto(), random = createNodeRandom(), bindings = new Bindings(clock)
  const authorise = (_account: string, aor: string): string | undefined => (aor.endsWith(`@${HOST}`) ? aor : undefined)
  const location: LocationService = {
    serves: (uri) => uri.host === HOST,
    concerns: () => true,
    locate: (uri) => {
      // sipp registers contacts of another sipp: the flow of the REGISTER, which a phone is called on, is not the way to them
      const targets = bindings.of(`${uri.user ?? ''}@${HOST}`).map((binding) => ({ requestUri: binding.contact, q: binding.q, connection: element.udpFlow(CALLEE), routes: [] }))
      return targets.length === 0 ? Promise.reject(new PeerError('user-unknown')) : Promise.resolve(targets)
    },
    presentedAs: (account) => ({ aor: `${account}@${HOST}`, displayName: '' }),
    reconnect: () => Promise.reject(new PeerError('peer-unreachable')),
  }
  const secrets = new Map(['SHA-256', 'MD5'].map((algorithm) => [algorithm, digestSecret(hashes, algorithm as 'MD5', 'caller', REALM, 'secret')]))
  const element: SipElement = createSipElement({
    clock, random, network, log, user: nobody, local: () => ({ aor: `nobody@${HOST}`, displayName: '' }), limits: { maxTransactions: 400_000 },
    server: {
      roles: new Set(['proxy', 'registrar']), realm: REALM, hashes, bindings, location,
      accounts: { secret: (username, algorithm) => (username === 'caller' ? secrets.get(algorithm) : undefined), wantsMd5First: () => true, authorise, speaksFor: () => true },
    },
  })
  const { server } = element
  if (!open || server === undefined) return element
  const authenticator = new Believing({ realm: REALM, hashes, nonces: new Nonces(clock, random, new Seal(random, (data) => hashes.sha256(data))), accounts: { secret: () => undefined } })
  const flows = new FlowWatch({ clock, bindings, heardAt: (flow) => element.transport.heardAt(flow) })
  const registrar = new Registrar({ clock, bindings, flows, authenticator, serverName: 'Ringway', serves: (uri) => location.serves(uri), authorise, token: () => element.transactions.token() })
  element.transactions.user = {
    onRequest(request, transaction) {
      element.transport.trust(transaction.connection) // as if it had logged in: strangers are held to a rate
      if (request.method === 'REGISTER') registrar.onRegister(request, transaction)
      else if (request.method === 'CANCEL') server.onRequest(request, transaction)
      else server.proxy.onRequest(transaction, server.proxy.routes(request) ? undefined : { kind: 'phone', account: 'caller' })
    },
    onAck: (request, connection) => { server.onAck(request, connection) },
    onConnectionClosed: (connection) => { server.onConnectionClosed(connection) },
  }
  return element
}
