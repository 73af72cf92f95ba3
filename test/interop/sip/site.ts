/**
 * An overlay for phones that know nothing of it: alice's peer serves them, bob is a person elsewhere (and may serve
 * too), and where it is wanted carol. Real sockets, headless sound from and to files. Owns the peers and their folders.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContractClient } from '../../../src-shared/ipc/client.ts'
import type { CallMedia, State } from '../../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../../src-shared/ipc/port.ts'
import type { CallView } from '../../../src-shared/model/index.ts'
import { openPeer, type OpenedPeer } from '../../../src-main/cli/openPeer.ts'
import { dominantFrequency, writeTone } from '../../../src-main/media/tone.ts'
import { readWav } from '../../../src-main/media/wav.ts'
import type { NetworkOptions, SipServing } from '../../../src-main/peer/ports.ts'

export const overlayName = 'office.example'
export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** Waits for what has to be asked for. @throws with `what` after `seconds` */
export async function eventually(holds: () => Promise<boolean>, what: () => string, seconds = 20): Promise<void> {
  for (let i = 0; !(await holds()); i++) {
    if (i > seconds * 20) throw new Error(`not in ${seconds} s: ${what()}`)
    await sleep(50)
  }
}

export interface RunningPeer {
  readonly app: OpenedPeer
  readonly client: ContractClient
  /** all that it has told, by id */
  readonly calls: Map<string, CallView>
  state(): Promise<State>
  /** Sees the next call that comes or goes, once it is there. */
  nextCall(): () => CallView | undefined
}

export interface Site {
  readonly alice: RunningPeer
  readonly bob: RunningPeer
  readonly carol: RunningPeer | undefined
  /** host:port of alice's peer for phones */
  readonly server: string
  readonly tlsServer: string
  /** certificate of the overlay's root, PEM */
  readonly rootFile: string
  readonly work: string
  /** @returns its password */
  addPhone(userName: string): Promise<string>
  /** how many registrations a phone has */
  registrations(userName: string): Promise<number>
  /** Plays a tone and records into a file that `hears` measures. */
  media(name: string, hz?: number): CallMedia
  /** Strongest frequency of a recording, in Hz. @param lastSeconds only the end of it */
  hears(name: string, lastSeconds?: number): number
  close(): Promise<void>
}

/** @param host where alice's peer serves phones @param bobServesAt bob's peer serves too, as a proxy @param withCarol as a peer, or as a client of the overlay (RFC 6940 §3.2) */
export async function openSite({ host = '127.0.0.1', roles = ['proxy', 'redirect', 'registrar'], bobServesAt, withCarol }: { host?: string; roles?: SipServing['roles']; bobServesAt?: string | undefined; withCarol?: 'peer' | 'client' } = {}): Promise<Site> {
  const work = mkdtempSync(join(tmpdir(), 'ringway-site-'))
  const peers: RunningPeer[] = []
  const close = async (): Promise<void> => {
    for (const { app } of peers.splice(0).reverse()) await app.close()
    rmSync(work, { recursive: true, force: true })
  }
  const openAt = async (name: string, network: Partial<NetworkOptions>): Promise<RunningPeer> => {
    const app = await openPeer({ profileDir: join(work, name), headless: true, network: { listen: { host: '127.0.0.1', port: 0 }, multicast: false, ...network } })
    const [ours, theirs] = memoryPorts()
    app.serve(theirs)
    const client = new ContractClient(ours)
    const calls = new Map<string, CallView>()
    client.on('state', ({ changes }) => {
      for (const { topic, id, value } of changes) if (topic === 'calls' && id !== undefined && value !== null) calls.set(id, value as CallView)
    })
    const peer: RunningPeer = {
      app, client, calls, state: async () => (await client.call('state.get', {})).state,
      nextCall: () => { const before = new Set(calls.keys()); return () => [...calls.values()].find(({ id }) => !before.has(id)) },
    }
    peers.push(peer)
    return peer
  }
  try {
    const alice = await openAt('alice', { sip: { roles, listen: { host, port: 0 } } })
    await alice.client.call('overlay.create', { name: overlayName, userName: 'alice' })
    await alice.app.start()
    const { status } = await alice.state()
    const enrol = async (name: string, more: Partial<NetworkOptions>): Promise<RunningPeer> => {
      const { link = '' } = await alice.client.call('overlay.invite', { userName: name })
      const peer = await openAt(name, { bootstrap: [{ host: '127.0.0.1', port: Number(status.listen?.split(':').at(-1)) }], ...more })
      await peer.client.call('overlay.join', { text: link })
      await peer.app.start()
      return peer
    }
    const bob = await enrol('bob', bobServesAt === undefined ? {} : { sip: { roles: ['proxy'], listen: { host: bobServesAt, port: 0 } } })
    const carol = withCarol === undefined ? undefined : await enrol('carol', { client: withCarol === 'client' })
    for (const peer of peers) await eventually(async () => (await peer.state()).status.registered, () => 'a peer does not register')
    const { xml } = await alice.client.call('overlay.document', {})
    const root = /<root-cert>([^<]*)</.exec(xml)?.[1]?.replaceAll(/\s/g, '') ?? ''
    const rootFile = join(work, 'root.pem')
    writeFileSync(rootFile, `-----BEGIN CERTIFICATE-----\n${root.replaceAll(/(.{64})(?=.)/g, '$1\n')}\n-----END CERTIFICATE-----\n`)
    const file = (name: string): string => join(work, `${name}.wav`)
    return {
      alice, bob, carol, server: status.sip ?? '', tlsServer: `${host}:${status.sipTlsPort ?? 0}`, rootFile, work, close,
      addPhone: async (userName) => (await alice.client.call('phones.add', { userName, md5First: true })).password,
      registrations: async (userName) => (await alice.client.call('phones.list', {})).find((each) => each.userName === userName)?.registrations.length ?? 0,
      media: (name, hz = 880) => ({ engine: 'headless', play: writeTone(file(`${name}-play`), { hz, seconds: 1 }), record: file(name) }),
      hears: (name, lastSeconds) => {
        const { samples, sampleRate } = readWav(file(name))
        return Math.round(dominantFrequency({ samples: lastSeconds === undefined ? samples : samples.slice(-lastSeconds * sampleRate), sampleRate }).hz)
      },
    }
  } catch (cause) {
    await close()
    throw cause
  }
}
