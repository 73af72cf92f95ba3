/**
 * The proxy under load of sipp: 50 calls a second, each challenged and authenticated; then nothing may be left.
 * RINGWAY_LOAD_SECONDS sets how long. And with a network that loses and doubles datagrams on both sides of it.
 */
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { SipElement } from '../../../src-main/sip/element/element.ts'
import { SeededRandom } from '../../support/seededRandom.ts'
import { run } from './elements.ts'
import { proxyElement } from './proxyElement.ts'

const seconds = Number(process.env.RINGWAY_LOAD_SECONDS ?? 60)
const rate = Number(process.env.RINGWAY_LOAD_RATE ?? 50)
const running: ReturnType<typeof run>[] = []
const sockets: Socket[] = []
let element: SipElement | undefined
afterEach(async () => {
  for (const program of running.splice(0)) program.kill()
  for (const socket of sockets.splice(0)) socket.close()
  await element?.close()
})

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1', () => { const { port } = socket.address(); socket.close(() => { resolve(port) }) })
  })
}

function sipp(scenario: string, target: number, port: number, calls: number, timeoutS: number, more: readonly string[]): ReturnType<typeof run> {
  const program = run('sipp', [
    `127.0.0.1:${target}`, '-sf', scenario.startsWith('/') ? scenario : join(import.meta.dirname, 'scenarios', `${scenario}.xml`), '-i', '127.0.0.1', '-p', String(port), '-nostdin',
    '-m', String(calls), '-timeout', `${timeoutS}s`, '-timeout_error', '-au', 'desk', '-ap', 'secret', '-key', 'user', 'desk', '-key', 'callee', 'kitchen', ...more,
  ])
  running.push(program)
  return program
}

/** A port that passes datagrams to another and back, a tenth of them never and a tenth twice. @returns the port */
function badLine(to: number, seed: number, count: { lost: number; doubled: number }): Promise<number> {
  const near = createSocket('udp4'), far = createSocket('udp4')
  sockets.push(near, far)
  const random = new SeededRandom(seed)
  let caller = 0
  const pass = (from: Socket, bytes: Buffer, port: number): void => {
    const [chance = 0] = random.bytes(1)
    if (chance < 26) { count.lost++; return }
    from.send(bytes, port, '127.0.0.1')
    if (chance < 52) { count.doubled++; from.send(bytes, port, '127.0.0.1') }
  }
  near.on('message', (bytes, { port }) => { caller = port; pass(far, bytes, to) })
  far.on('message', (bytes) => { pass(near, bytes, caller) })
  return new Promise((resolve) => { far.bind(0, '127.0.0.1', () => { near.bind(0, '127.0.0.1', () => { resolve(near.address().port) }) }) })
}

/** Timers and sockets of this process. */
function held(): string[] { return process.getActiveResourcesInfo().filter((kind) => /Timeout|Immediate|UDP|TCP/.test(kind)).sort() }

describe('the stateful proxy', () => {
  it(`takes ${rate} calls a second for ${seconds} s: none fails, no transaction, dialog, context, timer or socket is left`, async () => {
    const calleePort = await freePort(), calls = rate * seconds
    const target = element = proxyElement(calleePort)
    const address = await target.listen({ host: '127.0.0.1', port: 0 })
    const callee = sipp('uas', address.port, calleePort, calls, seconds + 60, ['-d', '10'])
    await new Promise((done) => setTimeout(done, 700))
    const { code, output } = await sipp('uac', address.port, await freePort(), calls, seconds + 60, ['-r', String(rate)]).done
    expect(output).toMatch(/Failed call\s*\|\s*0\s*\|\s*0/)
    expect(code, output).toBe(0)
    const answered = await callee.done
    expect(answered.code, answered.output).toBe(0)
    // timers of RFC 3261 §17 that hold finished transactions on UDP: 32 s
    for (let i = 0; i < 80 && target.transactions.size > 0; i++) await new Promise((done) => setTimeout(done, 500))
    expect([target.transactions.size, target.server?.proxy.size, target.userAgent.size]).toEqual([0, 0, 0])
    expect(target.server?.proxy.tokens.size).toBe(2)
    expect(held(), 'what it listens on').toEqual(['TCPServerWrap', 'UDPWrap'])
  }, (seconds + 90) * 1000)

  it('on bad lines to both phones, which lose a tenth of the datagrams and double a tenth: every call is completed', async () => {
    const calleePort = await freePort(), calls = 40
    const count = { lost: 0, doubled: 0 }
    const patient = ['-default_behaviors', 'none'] // else a response that comes again, later than another, ends its call
    const target = element = proxyElement(await badLine(calleePort, 1, count))
    const address = await target.listen({ host: '127.0.0.1', port: 0 })
    const work = mkdtempSync(join(tmpdir(), 'bad-lines-')), scenario = join(work, 'uas.xml')
    // it has to answer BYE again while the caller has not heard its answer, for as long as that asks (Timer F)
    writeFileSync(scenario, readFileSync(join(import.meta.dirname, 'scenarios/uas.xml'), 'utf8').replace(/<timewait milliseconds="\d+"/, '<timewait milliseconds="40000"'))
    sipp(scenario, address.port, calleePort, calls, 60, ['-d', '10', ...patient])
    await new Promise((done) => setTimeout(done, 700))
    const { code, output } = await sipp('uac', await badLine(address.port, 2, count), await freePort(), calls, 60, ['-r', '10', ...patient]).done
    expect(output, output).toMatch(/Failed call\s*\|\s*0\s*\|\s*0/)
    expect(code, output).toBe(0)
    expect(Math.min(count.lost, count.doubled)).toBeGreaterThan(calls)
    rmSync(work, { recursive: true })
  })
})
