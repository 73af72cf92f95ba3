/**
 * Calls and registrations through our proxy without sockets and without another process: what its own work costs, apart
 * from the system's. The messages of both phones are made beforehand, stage by stage, and not measured.
 */
import { createNodeClock } from '../../../src-main/node/clock.ts'
import type { Clock } from '../../../src-main/ports/clock.ts'
import type { DatagramSocket, Network } from '../../../src-main/ports/network.ts'
import { figure, type Figure } from '../measure.ts'
import { benchProxy, CALLEE, HOST } from './proxyBench.ts'

const CALLER = { host: '127.0.0.11', port: 5090 }
const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
const SDP = ['v=0', 'o=user1 53655765 2353687637 IN IP4 127.0.0.11', 's=-', 'c=IN IP4 127.0.0.11', 't=0 0', 'm=audio 40000 RTP/AVP 0 8 101', 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=sendrecv', ''].join('\r\n')

const request = (i: number, method: string, uri: string, cseq: string, more: readonly string[], body = ''): Uint8Array => latin1([
  `${method} ${uri} SIP/2.0`, `Via: SIP/2.0/UDP ${CALLER.host}:${CALLER.port};branch=z9hG4bK-9121-${i}-${cseq}${method};rport`, 'Max-Forwards: 70',
  `From: "Caller" <sip:caller@${HOST}>;tag=9121u${i}`, `Call-ID: ${i}-9121@${CALLER.host}`, `CSeq: ${cseq} ${method}`, ...more, `Content-Length: ${body.length}`, '', body,
].join('\r\n'))

/** The callee's answer to a request that the proxy has sent. */
function answer(forwarded: Uint8Array, status: string, i: number, body = ''): Uint8Array {
  const lines = Buffer.from(forwarded).toString('latin1').split('\r\n')
  const echoed = lines.filter((line) => /^(Via|Record-Route|From|Call-ID|CSeq):/.test(line))
  const to = lines.find((line) => line.startsWith('To:')) ?? ''
  return latin1([`SIP/2.0 ${status}`, ...echoed, to.includes('tag=') ? to : `${to};tag=9100s${i}`, `Contact: <sip:uas@${CALLEE.host}:${CALLEE.port}>`, ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`, '', body].join('\r\n'))
}

export async function inMemoryFigures(rounds: number, calls: number): Promise<readonly Figure[]> {
  const perCall: number[] = [], perRegister: number[] = []
  let socket: DatagramSocket | undefined
  let out: Uint8Array[] = []
  const network: Network = {
    bindDatagram: (address) => {
      socket = { address, user: undefined, send: (bytes) => { out.push(bytes) }, close: () => undefined }
      return Promise.resolve(socket)
    },
    listenStream: (address) => Promise.resolve({ address, close: () => Promise.resolve() }),
    connectStream: () => Promise.reject(new Error('no streams here')),
    localAddresses: () => [],
    sourceFor: () => Promise.resolve(CALLER.host),
  }
  // a stage may take long on a busy machine: nothing is to be sent again meanwhile
  const real = createNodeClock()
  const clock: Clock = { now: () => real.now(), monotonic: () => real.monotonic(), setTimer: (ms, fire) => real.setTimer(ms <= 500 ? 1e6 : ms, fire) }
  const element = benchProxy(network, true, clock)
  await element.listen({ host: HOST, port: 5060 })
  let spent = 0
  /** Hands them in, a few a turn as sockets do, and returns what was sent. */
  const stage = async (datagrams: readonly Uint8Array[], from: { host: string; port: number }, expected: number): Promise<Uint8Array[]> => {
    out = []
    const start = process.cpuUsage()
    for (let i = 0; i < datagrams.length; i++) {
      socket?.user?.onDatagram(datagrams[i] as Uint8Array, { host: from.host, port: from.port })
      if (i % 8 === 7) await new Promise((turn) => { setImmediate(turn) })
    }
    await new Promise((turn) => { setImmediate(turn) })
    const { user, system } = process.cpuUsage(start)
    spent += user + system
    if (out.length !== expected) throw new Error(`${out.length} datagrams for ${datagrams.length}, first ${Buffer.from(out[0] ?? []).toString('latin1', 0, 60)}`)
    return out
  }
  const used = (): number => {
    globalThis.gc?.()
    globalThis.gc?.()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const perFinished: number[] = []
  const each = (make: (i: number) => Uint8Array): Uint8Array[] => Array.from({ length: calls }, (_, i) => make(i))
  for (let round = 0; round <= rounds; round++) {
    const id = (i: number): number => round * calls + i
    spent = 0
    await stage(each((i) => request(id(i), 'REGISTER', `sip:${HOST}:5060`, '1', [`To: <sip:user${i % 200}@${HOST}>`, `Contact: <sip:user${i % 200}@${CALLEE.host}:${CALLEE.port}>`, 'Expires: 3600', 'User-Agent: bench'])), CALLER, calls)
    if (round > 0) perRegister.push(spent / calls)
    spent = 0
    out = []
    const before = used()
    const invites = await stage(each((i) => request(id(i), 'INVITE', `sip:user${i % 200}@${HOST}:5060`, '1', [`To: <sip:user${i % 200}@${HOST}:5060>`, `Contact: <sip:caller@${CALLER.host}:${CALLER.port}>`, 'Supported: replaces, timer',
      'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE', 'User-Agent: bench', 'Content-Type: application/sdp'], SDP)), CALLER, calls)
    await stage(invites.map((bytes, i) => answer(bytes, '180 Ringing', id(i))), CALLEE, calls)
    const answered = await stage(invites.map((bytes, i) => answer(bytes, '200 OK', id(i), SDP)), CALLEE, calls)
    const routes = answered.map((bytes) => Buffer.from(bytes).toString('latin1').split('\r\n').filter((line) => line.startsWith('Record-Route:')).reverse().map((line) => line.replace('Record-Route', 'Route')))
    const within = (method: string, cseq: string) => (i: number): Uint8Array => request(id(i), method, `sip:uas@${CALLEE.host}:${CALLEE.port}`, cseq, [...routes[i] as string[], `To: <sip:user${i % 200}@${HOST}:5060>;tag=9100s${id(i)}`])
    await stage(each(within('ACK', '1')), CALLER, calls)
    const byes = await stage(each(within('BYE', '2')), CALLER, calls)
    await stage(byes.map((bytes, i) => answer(bytes, '200 OK', id(i))), CALLEE, calls)
    if (round > 0) perCall.push(spent / calls)
    out = []
    for (const list of [invites, answered, routes, byes]) list.length = 0
    perFinished.push((used() - before) / calls / 1000)
  }
  const open = element.transactions.size
  await element.close()
  const section = 'our own work in the proxy, sockets and system left out'
  return [figure(section, 'one call: six messages in, six out', perCall, 'us', { transactions_left: open }), figure(section, 'one REGISTER', perRegister, 'us'), figure(section, 'memory of a call that has ended, until its four transactions have', perFinished, 'kB')]
}
