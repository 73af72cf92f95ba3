/** Our proxy and registrar on 127.0.0.10:5060 in a process of its own, for users whose password is `secret`. */
import { PeerError } from '../../../src-main/base/errors.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeCrypto } from '../../../src-main/node/crypto.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import type { Log } from '../../../src-main/ports/log.ts'
import { digestSecret } from '../../../src-main/sip/auth/digest.ts'
import { createSipElement, type SipElement } from '../../../src-main/sip/element/element.ts'
import type { LocationService } from '../../../src-main/sip/locationService.ts'
import { Bindings } from '../../../src-main/sip/registrar/bindings.ts'
import type { UserAgentUser } from '../../../src-main/sip/ua/userAgent.ts'

const HOST = '127.0.0.10', REALM = 'bench.example'
const hashes = createNodeCrypto(), clock = createNodeClock()
const log: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => log }
const bindings = new Bindings(clock)
const nobody: UserAgentUser = { onInvite: (call) => { call.reject(404) }, onMessage: (message) => { message.respond(404) }, onSubscribe: (subscription) => { subscription.reject(404) } }

const location: LocationService = {
  serves: (uri) => uri.host === HOST,
  concerns: () => true,
  locate: (uri) => {
    // sipp registers contacts of another sipp: the flow of the REGISTER, which a phone is called on, is not the way to them
    const targets = bindings.of(`${uri.user ?? ''}@${HOST}`).map((binding) => ({
      requestUri: binding.contact, q: binding.q, connection: element.udpFlow({ host: '127.0.0.12', port: 5080 }), routes: [],
    }))
    return targets.length === 0 ? Promise.reject(new PeerError('user-unknown')) : Promise.resolve(targets)
  },
  presentedAs: (account) => ({ aor: `${account}@${HOST}`, displayName: '' }),
  reconnect: () => Promise.reject(new PeerError('peer-unreachable')),
}

const element: SipElement = createSipElement({
  clock, random: createNodeRandom(), network: createNodeNetwork(), log, user: nobody, local: () => ({ aor: `nobody@${HOST}`, displayName: '' }), limits: { maxTransactions: 200_000 },
  server: {
    roles: new Set(['proxy', 'registrar']), realm: REALM, hashes, bindings, location,
    accounts: {
      secret: (username, algorithm) => digestSecret(hashes, algorithm, username, REALM, 'secret'), wantsMd5First: () => true,
      authorise: (_account, aor) => (aor.endsWith(`@${HOST}`) ? aor : undefined), speaksFor: () => true,
    },
    limits: { maxBindings: 100_000 } as object,
  },
})
await element.listen({ host: HOST, port: 5060 })
console.log('ready')
