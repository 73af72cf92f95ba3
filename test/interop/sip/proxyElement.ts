/** A proxy on real sockets with one account, desk, whose every call goes to one address: for tests of the proxy alone. */
import { PeerError } from '../../../src-main/base/errors.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeCrypto } from '../../../src-main/node/crypto.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import { type DigestAlgorithm, digestSecret } from '../../../src-main/sip/auth/digest.ts'
import { createSipElement, type SipElement } from '../../../src-main/sip/element/element.ts'
import { Bindings } from '../../../src-main/sip/registrar/bindings.ts'
import { quietLog } from '../../support/sipPeers.ts'
import { answering } from './elements.ts'

const realm = 'office.example'

/** @param calleePort on this machine, UDP */
export function proxyElement(calleePort: number): SipElement {
  const hashes = createNodeCrypto(), clock = createNodeClock()
  const target: SipElement = createSipElement({
    clock, random: createNodeRandom(), network: createNodeNetwork(), log: quietLog, user: answering(), local: () => ({ aor: `alice@${realm}`, displayName: '' }),
    server: {
      roles: new Set(['proxy']), realm, hashes, bindings: new Bindings(clock),
      accounts: {
        secret: (name: string, algorithm: DigestAlgorithm) => digestSecret(hashes, algorithm, name, realm, 'secret'), wantsMd5First: () => true,
        authorise: () => undefined, speaksFor: () => true,
      },
      location: {
        serves: (uri) => uri.host === realm || target.isOwnAddress(uri.host, uri.port),
        concerns: () => true,
        locate: () => Promise.resolve([{ requestUri: `sip:kitchen@127.0.0.1:${calleePort}`, q: 1, connection: target.udpFlow({ host: '127.0.0.1', port: calleePort }), routes: [] }]),
        presentedAs: () => ({ aor: `alice@${realm}`, displayName: '' }),
        reconnect: () => Promise.reject(new PeerError('peer-unreachable')),
      },
    },
  })
  return target
}
