/** baresip with client-initiated connections (RFC 5626) at our registrar: it keeps its flow open, and is gone when it falls silent. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PeerError } from '../../../src-main/base/errors.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeCrypto } from '../../../src-main/node/crypto.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import { digestSecret } from '../../../src-main/sip/auth/digest.ts'
import { createSipElement, type SipElement } from '../../../src-main/sip/element/element.ts'
import { Bindings } from '../../../src-main/sip/registrar/bindings.ts'
import { quietLog } from '../../support/sipPeers.ts'
import { BaresipPhone, until } from './baresipPhone.ts'
import { answering, requireProgram } from './elements.ts'

const realm = 'office.example'
const hashes = createNodeCrypto(), clock = createNodeClock()
let element: SipElement, bindings: Bindings, phone: BaresipPhone | undefined

function registrar(flowTimerS: number): SipElement {
  bindings = new Bindings(clock)
  const made: SipElement = createSipElement({
    clock, random: createNodeRandom(), network: createNodeNetwork(), log: quietLog, user: answering(), local: () => ({ aor: `alice@${realm}`, displayName: '' }),
    server: {
      roles: new Set(['registrar']), realm, hashes, bindings, limits: { flowTimerS },
      accounts: { secret: (name, algorithm) => digestSecret(hashes, algorithm, name, realm, 'secret'), wantsMd5First: () => true, authorise: (account) => `${account}@${realm}`, speaksFor: () => true },
      location: {
        serves: (uri) => uri.host === realm || made.isOwnAddress(uri.host, uri.port), concerns: () => true, locate: () => Promise.reject(new PeerError('user-unknown')),
        presentedAs: () => ({ aor: `alice@${realm}`, displayName: '' }), reconnect: () => Promise.reject(new PeerError('peer-unreachable')),
      },
    },
  })
  return made
}

describe('baresip with client-initiated connections', () => {
  beforeAll(() => { requireProgram('baresip') })
  afterEach(async () => {
    await phone?.stop()
    bindings.close()
    await element.close()
  })

  // over TCP libre sends no oftener than every 16 s
  it.each([['udp', 4, 5560], ['tcp', 20, 5570]] as const)('over %s it is heard in time by its keep-alives, and its registration ends when it is not', async (transport, flowTimerS, sipPort) => {
    element = registrar(flowTimerS)
    const { port } = await element.listen({ host: '127.0.0.1', port: 0 })
    const desk = phone = new BaresipPhone({
      account: `<sip:desk@${realm}>;auth_user=desk;auth_pass=secret;outbound="sip:127.0.0.1:${port};transport=${transport}";sipnat=outbound;regint=600`,
      sipPort, controlPort: sipPort - 800, toneHz: 440, codecs: ['g711'], trace: true,
    })
    await desk.start()
    const told = (): string => `${JSON.stringify([...bindings.all()].map(({ contact, regId }) => [contact, regId]))} ${JSON.stringify(element.transport.counters)} ${desk.output.slice(-4_000)}`
    await until(() => bindings.size === 1, told)
    const [binding] = bindings.of(`desk@${realm}`)
    expect([binding?.regId, binding?.instance.startsWith('<urn:uuid:')]).toEqual([1, true])
    // longer than it may be silent
    await new Promise((done) => { setTimeout(done, flowTimerS * 1_500) })
    expect(bindings.of(`desk@${realm}`), told()).toEqual([binding])
    expect(element.transport.counters.pings, told()).toBeGreaterThanOrEqual(1)
    desk.kill()
    await until(() => bindings.size === 0, told, flowTimerS * 1.5)
  })
})
