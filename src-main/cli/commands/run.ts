/** `ringway run`: the headless host. Opens the peer of the profile, serves its doors, tells what happens, stops in order. */
import { mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ContractClient } from '@shared/ipc/client.ts'
import type { State } from '@shared/ipc/contract.ts'
import { memoryPorts, type Port } from '@shared/ipc/port.ts'
import type { CallView, MessageView, PeerStatus } from '@shared/model/index.ts'
import { PeerError } from '../../base/errors.ts'
import { parseHostPort } from '../../base/hostPort.ts'
import type { SipServing } from '../../peer/ports.ts'
import type { SocketAddress } from '../../ports/network.ts'
import { keepHeapLevel } from '../../node/heap.ts'
import { createUiServer } from '../../node/uiServer.ts'
import { listenUnix } from '../../node/unixPort.ts'
import type { ServerRole } from '../../sip/element/server.ts'
import { deferred } from '../deferred.ts'
import type { Context } from '../context.ts'
import { openPeer } from '../openPeer.ts'
import type { Output } from '../output.ts'
import { controlPath } from '../profile.ts'
import { uiFolder } from './ui.ts'

const sipRoles: readonly ServerRole[] = ['proxy', 'redirect', 'registrar']

interface RunOptions {
  listen?: string
  bootstrap: string[]
  client?: boolean
  keylog?: string
  multicast: boolean
  serve?: string
  sip?: string
  sipWs?: string
  answer?: string
  record?: string
  ui?: string | true
  sipCa?: string
  nameServer: string[]
  rescueDatabase?: boolean
}

export async function run({ profile, output }: Context, options: RunOptions): Promise<undefined> {
  keepHeapLevel()
  const app = await openPeer({
    profileDir: profile, headless: true,
    rescueDatabase: options.rescueDatabase ?? false,
    ...(options.sipCa !== undefined && { sipRoots: [readRoots(options.sipCa)] }), ...(options.nameServer.length > 0 && { nameServers: options.nameServer }),
    ...(options.keylog !== undefined && { keylog: resolve(options.keylog) }),
    network: {
      listen: options.listen === undefined ? undefined : parseAddress(options.listen),
      bootstrap: options.bootstrap.map(parseAddress), client: options.client ?? false,
      multicast: options.multicast,
      sip: sipServing(options),
    },
  })
  if (options.keylog !== undefined) process.stderr.write(`Warning: TLS secrets are written to ${resolve(options.keylog)}. Whoever has this file and a capture can read the traffic. Delete it afterwards.\n`)
  const stopping = deferred<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { stopping.resolve() })
  app.onQuit(() => { stopping.resolve() })
  const control = await listenUnix(controlPath(profile), (port) => { app.serve(port) })
  const closers: (() => Promise<void>)[] = [() => control.close()]
  try {
    const client = new ContractClient(door(app.serve.bind(app)))
    await app.start()
    if (options.ui !== undefined) {
      const server = await createUiServer({ root: uiFolder, port: options.ui === true ? 0 : Number(options.ui) }, (port) => { app.serve(port) })
      closers.push(() => server.close())
      output.print(`The user interface is at ${server.url}`, { event: 'ui', url: server.url })
    }
    const { state } = await client.call('state.get', {})
    tell(client, output, state)
    if (options.answer !== undefined) answerCalls(client, options.answer, options.record)
    output.print(state.account === null ? 'Running. This profile belongs to no overlay yet.' : `Running as ${state.account.aor}.`, { event: 'running', aor: state.account?.aor ?? null })
    await stopping.promise
    output.print('Stopping…', { event: 'stopping' })
  } finally {
    for (const close of closers) await close()
    await app.close()
  }
}

/** `--serve`, `--sip` and `--sip-ws`: each brings the others' usual values with it. */
function sipServing({ serve, sip, sipWs }: RunOptions): SipServing | undefined {
  const wanted = serve?.split(',').map((role) => role.trim()) ?? []
  const unknown = wanted.find((role) => role !== 'enrol' && !sipRoles.includes(role as ServerRole))
  if (unknown !== undefined) throw new PeerError('invalid-argument', `there is no role ${unknown} yet; there are: enrol, ${sipRoles.join(', ')}`)
  const roles = sipRoles.filter((role) => wanted.includes(role))
  if (roles.length === 0 && sip === undefined && sipWs === undefined) return undefined
  return { roles: roles.length === 0 ? sipRoles : roles, listen: parseAddress(sip ?? '0.0.0.0:5060'), webSocket: sipWs === undefined ? undefined : parseAddress(sipWs) }
}

/** A client's end of a new door to the peer. */
function door(serve: (port: Port) => void): Port {
  const [ours, theirs] = memoryPorts()
  serve(theirs)
  return ours
}

/** @throws PeerError 'invalid-argument' */
function readRoots(file: string): string {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  } catch (cause) {
    throw new PeerError('invalid-argument', `${file} cannot be read`, { cause })
  }
  throw new PeerError('invalid-argument', `${file} holds no certificate in PEM`)
}

function parseAddress(text: string): SocketAddress {
  const address = parseHostPort(text)
  if (address === undefined) throw new PeerError('invalid-argument', `${text} is not HOST:PORT`)
  return address
}

/** One line for each fact a person at a terminal, or a program with --json, waits for. */
function tell(client: ContractClient, output: Output, first: State): void {
  let status: PeerStatus | undefined
  const onStatus = (next: PeerStatus): void => {
    const changed = status?.phase !== next.phase || status.registered !== next.registered || status.peers !== next.peers || status.listen !== next.listen || status.sip !== next.sip || status.sipWebSocket !== next.sipWebSocket
    status = next
    if (changed) {
      output.print(`${next.phase}${next.listen === null ? '' : ` on ${next.listen}`}, ${next.peers} peers${next.registered ? ', registered' : ''}${next.sip === undefined ? '' : `, SIP on ${next.sip}`}${next.sipWebSocket === undefined ? '' : `, on WebSockets at ${next.sipWebSocket}`}${next.problem === null ? '' : `, ${next.problem}`}`,
        { event: 'status', phase: next.phase, listen: next.listen, peers: next.peers, registered: next.registered, problem: next.problem, roles: next.roles, sip: next.sip ?? null, sipWebSocket: next.sipWebSocket ?? null })
    }
  }
  onStatus(first.status)
  for (const [id, warning] of Object.entries(first.warnings)) output.print(`Note: ${warning.detail}`, { event: 'warning', id, ...warning })
  client.on('state', ({ changes }) => {
    for (const { topic, id, value } of changes) {
      if (topic === 'status') onStatus(value as PeerStatus)
      else if (topic === 'calls' && id !== undefined && value !== null) {
        const call = value as CallView
        output.print(`Call ${call.direction === 'in' ? 'from' : 'to'} ${call.remote.aor}: ${call.state}${call.end === null ? '' : ` (${call.end})`}`, { event: 'call', ...call })
      } else if (topic === 'messages') {
        const message = value as MessageView
        if (message.direction === 'in') output.print(`${message.aor}: ${message.text}`, { event: 'message', ...message })
      } else if (topic === 'warnings' && id !== undefined && value !== null) {
        const warning = value as { code: string; detail: string }
        output.print(`Note: ${warning.detail}`, { event: 'warning', id, ...warning })
      }
    }
  })
}

/** `--answer echo|reject|FILE.wav`: answers each incoming call by the headless engine. */
function answerCalls(client: ContractClient, how: string, recordDir: string | undefined): void {
  if (recordDir !== undefined) mkdirSync(recordDir, { recursive: true })
  const taken = new Set<string>()
  client.on('state', ({ changes }) => {
    for (const { topic, id, value } of changes) {
      if (topic !== 'calls' || id === undefined) continue
      const call = value as CallView | null
      if (call === null) { taken.delete(id); continue }
      if (call.state !== 'incoming' || taken.has(id)) continue
      taken.add(id)
      const done = how === 'reject' ? client.call('call.reject', { id }) : client.call('call.answer', {
        id,
        media: {
          engine: 'headless',
          ...(how === 'echo' ? { echo: true } : { play: resolve(how) }),
          ...(recordDir !== undefined && { record: resolve(recordDir, `${new Date(call.startedAt).toISOString().replaceAll(':', '-')}-${call.remote.aor}.wav`) }),
        },
      })
      done.catch((cause: unknown) => { process.stderr.write(`ringway: could not answer: ${String(cause)}\n`) })
    }
  })
}
