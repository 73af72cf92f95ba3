/** The proxy under load of sipp: 50 calls a second, each challenged and authenticated; then nothing may be left. RINGWAY_LOAD_SECONDS sets how long. */
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { PeerError } from '../../../src-main/base/errors.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeCrypto } from '../../../src-main/node/crypto.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import { type DigestAlgorithm, digestSecret } from '../../../src-main/sip/auth/digest.ts'
import { createSipElement, type SipElement } from '../../../src-main/sip/element/element.ts'
import { Bindings } from '../../../src-main/sip/registrar/bindings.ts'
import { quietLog } from '../../support/sipPeers.ts'
import { answering, run } from './elements.ts'

const realm = 'office.example'
const seconds = Number(process.env.RINGWAY_LOAD_SECONDS ?? 8)
const rate = Number(process.env.RINGWAY_LOAD_RATE ?? 50)
const running: ReturnType<typeof run>[] = []
let element: SipElement | undefined
afterEach(async () => {
  for (const program of running.splice(0)) program.kill()
  await element?.close()
})

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1', () => { const { port } = socket.address(); socket.close(() => { resolve(port) }) })
  })
}

describe('the stateful proxy', () => {
  it(`takes ${rate} calls a second for ${seconds} s: none fails, no transaction, context or connection is left`, async () => {
    const hashes = createNodeCrypto(), clock = createNodeClock()
    const calleePort = await freePort()
    const target: SipElement = element = createSipElement({
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
    const address = await target.listen({ host: '127.0.0.1', port: 0 })
    const sipp = (scenario: string, port: number, more: string[]): ReturnType<typeof run> => {
      const program = run('sipp', [
        `127.0.0.1:${address.port}`, '-sf', join(import.meta.dirname, 'scenarios', `${scenario}.xml`), '-i', '127.0.0.1', '-p', String(port), '-nostdin',
        '-m', String(rate * seconds), '-timeout', `${seconds + 60}s`, '-timeout_error', '-au', 'desk', '-ap', 'secret', '-key', 'user', 'desk', '-key', 'callee', 'kitchen', ...more,
      ])
      running.push(program)
      return program
    }
    const callee = sipp('uas', calleePort, ['-d', '10'])
    await new Promise((done) => setTimeout(done, 700))
    const { code, output } = await sipp('uac', await freePort(), ['-r', String(rate)]).done
    expect(output).toMatch(/Failed call\s*\|\s*0\s*\|\s*0/)
    expect(code, output).toBe(0)
    const answered = await callee.done
    expect(answered.code, answered.output).toBe(0)
    // timers of RFC 3261 §17 that hold finished transactions on UDP: 32 s
    for (let i = 0; i < 80 && target.transactions.size > 0; i++) await new Promise((done) => setTimeout(done, 500))
    expect([target.transactions.size, target.server?.proxy.size, target.userAgent.size]).toEqual([0, 0, 0])
    expect(target.server?.proxy.tokens.size).toBe(2)
  })
})
