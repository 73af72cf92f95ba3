/**
 * A live overlay of sixteen processes on loopback: joined, two adjacent ones crashed, back again, one revoked, one gone in order.
 * Everything on the wire meanwhile is captured, and judged by Wireshark message by message.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ContractClient } from '../../../src-shared/ipc/client.ts'
import type { Result } from '../../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../../src-shared/ipc/port.ts'
import type { PeerStatus } from '../../../src-shared/model/index.ts'
import { openPeer } from '../../../src-main/cli/openPeer.ts'
import { connectUnix } from '../../../src-main/node/unixPort.ts'
import { MessageCode, messageName } from '../../../src-main/reload/wire/constants.ts'
import { reencode } from '../../../src-main/reload/wire/dissect.ts'
import { HeaderView } from '../../../src-main/reload/wire/forwardingHeader.ts'
import { runPeer, type HeadlessPeer } from '../../support/ringwayProcess.ts'
import { capture, framesOf, judge, messageOf, type Capture } from './wireshark.ts'

const COUNT = 16
/** By then a copy that was refused has been sent again (src-main/reload/storage/replication.ts). */
const SETTLED_MS = 6_000
const FIRST_PORT = 17_001
const overlayName = 'wire.example'

interface Member { readonly name: string; readonly dir: string; readonly port: number; nodeId: string; process: HeadlessPeer | undefined; client: ContractClient | undefined }

let dir: string
let taken: Capture
const members: Member[] = []
const running = (): readonly Member[] => members.filter(({ process }) => process !== undefined)
const uri = ({ name }: Member): string => `sip:${name}@${overlayName}`

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ringway-wire-'))
  for (let i = 0; i < COUNT; i++) {
    members.push({ name: i === 0 ? 'organiser' : `member${i}`, dir: join(dir, String(i)), port: FIRST_PORT + i, nodeId: '', process: undefined, client: undefined })
  }
  await enrolAll()
  taken = await capture(join(dir, 'wire.pcap'), `tcp portrange ${FIRST_PORT}-${FIRST_PORT + COUNT - 1}`)
}, 180_000)

afterAll(async () => {
  await Promise.all(running().map(({ process }) => process?.close()))
  rmSync(dir, { recursive: true, force: true })
})

/** Certificates for everybody, made in this process; none of them runs yet. */
async function enrolAll(): Promise<void> {
  const open = async (member: Member): Promise<{ client: ContractClient; start(): Promise<void>; close(): Promise<void> }> => {
    const app = await openPeer({ profileDir: member.dir, headless: true, network: { listen: { host: '127.0.0.1', port: 0 }, multicast: false } })
    const [ours, theirs] = memoryPorts()
    app.serve(theirs)
    return { client: new ContractClient(ours), start: () => app.start(), close: () => app.close() }
  }
  const [first, ...others] = members
  if (first === undefined) throw new Error('nobody')
  const organiser = await open(first)
  first.nodeId = (await organiser.client.call('overlay.create', { name: overlayName, userName: first.name })).nodeId
  await organiser.start()
  for (const member of others) {
    const { link = '' } = await organiser.client.call('overlay.invite', { userName: member.name })
    const app = await open(member)
    member.nodeId = (await app.client.call('overlay.join', { text: link })).nodeId
    await app.close()
  }
  await organiser.close()
}

async function start(member: Member): Promise<void> {
  const [organiser] = members
  member.process = runPeer(member.dir, [
    '--listen', `127.0.0.1:${member.port}`, '--no-multicast', '--keylog', join(member.dir, 'tls-secrets'),
    ...(member === organiser ? [] : ['--bootstrap', `127.0.0.1:${FIRST_PORT}`]),
  ])
  await member.process.line({ event: 'running' }, 60_000)
  const port = await connectUnix(join(member.dir, 'control.sock'))
  if (port === undefined) throw new Error(`${member.name} does not answer`)
  member.client = new ContractClient(port)
}

async function crash(member: Member): Promise<void> {
  await member.process?.kill()
  member.client?.close()
  member.process = member.client = undefined
}

function clientOf(member: Member): ContractClient {
  if (member.client === undefined) throw new Error(`${member.name} does not run`)
  return member.client
}

const statusOf = async (member: Member): Promise<PeerStatus> => (await clientOf(member).call('state.get', {})).state.status

/** All that run are members and registered, and each has the right ones beside it (RFC 6940 §10.1). */
async function oneRing(count: number): Promise<void> {
  const ring = [...running()].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  expect(ring).toHaveLength(count)
  const beside = (i: number): readonly (string | undefined)[] => [ring.at(i - 1)?.nodeId, ring[(i + 1) % count]?.nodeId]
  await expect.poll(async () => Promise.all(ring.map(async (member) => {
    const { phase, registered } = await statusOf(member)
    const { neighbours } = await clientOf(member).call('overlay.ring', {})
    return [phase, registered, nearest(member, neighbours, 'predecessor'), nearest(member, neighbours, 'successor')]
  })), { timeout: 90_000, interval: 250 }).toEqual(ring.map((_, i) => ['joined', true, ...beside(i)]))
}

function nearest(member: Member, neighbours: Result<'overlay.ring'>['neighbours'], relation: 'predecessor' | 'successor'): string | undefined {
  const steps = (nodeId: string): bigint => BigInt.asUintN(128, (BigInt(`0x${nodeId}`) - BigInt(`0x${member.nodeId}`)) * (relation === 'successor' ? 1n : -1n))
  return neighbours.filter((neighbour) => neighbour.relation.includes(relation)).map(({ nodeId }) => nodeId).sort((a, b) => (steps(a) < steps(b) ? -1 : 1))[0]
}

/**
 * Each finds the next one by name, and goes on to. What was written while many came between is on its way to its place
 * for some seconds after the ring has closed, and its copies are.
 */
async function everybodyIsFound(): Promise<void> {
  const all = running()
  const found = (): Promise<number[]> => Promise.all(all.map(async (member, i) => (await clientOf(member).call('overlay.lookup', { uri: uri(all[(i + 1) % all.length] as Member) })).length))
  await expect.poll(found, { timeout: 15_000, interval: 250 }).toEqual(all.map(() => 1))
  await new Promise((done) => setTimeout(done, SETTLED_MS))
  expect(await found()).toEqual(all.map(() => 1))
}

describe('sixteen processes', { timeout: 180_000 }, () => {
  test('become one ring in which everybody is found, traced and written to', async () => {
    const [organiser, ...others] = members
    await start(organiser as Member)
    await Promise.all(others.map(start))
    await oneRing(COUNT)
    await everybodyIsFound()
    const [, one, two, three] = members as [Member, Member, Member, Member]
    const { hops } = await clientOf(one).call('overlay.trace', { uri: uri(two) })
    expect(hops.length).toBeGreaterThan(0)
    expect((await clientOf(two).call('overlay.ping', { nodeId: three.nodeId })).hops).toBeGreaterThan(0)
    await clientOf(three).call('messages.send', { uri: uri(one), text: 'hello over the wire' })
    await expect.poll(async () => (await clientOf(one).call('state.get', {})).state.conversations[`${three.name}@${overlayName}`]?.unread, { timeout: 20_000 }).toBe(1)
  })

  test('close the ring when two adjacent ones die in the same instant, and take them in again', async () => {
    const ring = [...members].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
    const at = ring.findIndex((member, i) => member !== members[0] && ring[i + 1] !== members[0] && i + 1 < ring.length)
    const victims = ring.slice(at, at + 2)
    await Promise.all(victims.map(crash))
    await oneRing(COUNT - 2)
    await everybodyIsFound()
    await Promise.all(victims.map(start))
    await oneRing(COUNT)
    await everybodyIsFound()
  })

  test('shut a revoked one out, and let another one leave', async () => {
    const [organiser, revoked, leaving] = members as [Member, Member, Member]
    await clientOf(organiser).call('overlay.revoke', { userName: revoked.name })
    await expect.poll(async () => (await statusOf(revoked)).phase, { timeout: 20_000 }).toBe('stopped')
    await revoked.process?.close()
    revoked.process = revoked.client = undefined
    await leaving.process?.close()
    leaving.process = leaving.client = undefined
    await oneRing(COUNT - 2)
    await everybodyIsFound()
  })

  test('put nothing on the wire that Wireshark does not accept, or that we would encode in another way', async () => {
    await Promise.all(running().map(async (member) => {
      await member.process?.close()
      member.process = undefined
    }))
    await taken.stop()
    const secrets = join(dir, 'secrets')
    writeFileSync(secrets, members.map((member) => readFileSync(join(member.dir, 'tls-secrets'), 'utf8')).join(''))
    const frames = await framesOf(join(dir, 'wire.pcap'), secrets, members.map(({ port }) => port))
    const verdicts = await judge(frames, join(dir, 'frames.pcap'))
    const complaints = verdicts.flatMap(({ info, complaints }, i) => complaints.map((complaint) => `${info}: ${complaint}: ${Buffer.from(frames[i]?.bytes ?? []).toString('hex').slice(0, 400)}`))
    expect(complaints.slice(0, 10)).toEqual([])

    const messages = frames.flatMap((frame) => messageOf(frame) ?? [])
    const seen = new Set<string>()
    for (const message of messages) {
      expect(Buffer.from(reencode(message)).equals(message), Buffer.from(message).toString('hex')).toBe(true)
      const { body } = new HeaderView(message)
      seen.add(messageName(((body[0] ?? 0) << 8) | (body[1] ?? 0)) ?? 'unknown')
    }
    const wanted = ['attachReq', 'attachAns', 'appAttachReq', 'appAttachAns', 'joinReq', 'joinAns', 'leaveReq', 'leaveAns', 'updateReq', 'updateAns', 'storeReq', 'storeAns', 'fetchReq', 'fetchAns', 'pingReq', 'pingAns', 'configUpdateReq', 'configUpdateAns'] as const
    expect([...seen]).toEqual(expect.arrayContaining(wanted.map((name) => String(messageName(MessageCode[name])))))
    expect(verdicts.filter(({ info }) => info === 'ACK').length).toBeGreaterThan(messages.length / 2)
    process.stdout.write(`${frames.length} frames, ${messages.length} messages\n`)
  })
})
