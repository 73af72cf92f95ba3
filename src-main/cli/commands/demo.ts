/**
 * `ringway demo`: an overlay of processes on loopback that does what people do with Ringway, step by step, and
 * says whether each step worked. Everything it makes is in a temporary folder that it removes.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { CallView, ContactView, MessageView, PeerStatus } from '@shared/model/index.ts'
import { ContractClient } from '@shared/ipc/client.ts'
import type { State } from '@shared/ipc/contract.ts'
import { connectUnix } from '../../node/unixPort.ts'
import { readWav } from '../../media/wav.ts'
import { dominantFrequency, writeTone } from '../../media/tone.ts'
import type { Context } from '../context.ts'
import { controlPath } from '../profile.ts'

const overlayName = 'demo.example'
const stepTimeoutMs = 30_000

interface Step { name: string; ms: number; detail?: string }

export async function demo({ output }: Context, options: { peers?: number }): Promise<number> {
  const count = Math.max(3, options.peers ?? 3)
  const dir = mkdtempSync(join(tmpdir(), 'ringway-demo-'))
  const stage = new Stage(dir)
  const steps: Step[] = []
  const started = performance.now()
  const step = async <T>(name: string, what: () => Promise<T>, detail?: (result: T) => string): Promise<T> => {
    const t0 = performance.now()
    const result = await within(what(), stepTimeoutMs, name)
    const done: Step = { name, ms: Math.round(performance.now() - t0), ...(detail !== undefined && { detail: detail(result) }) }
    steps.push(done)
    if (!output.json) output.print(`${'ok'.padEnd(4)}${name.padEnd(34)}${String(done.ms).padStart(6)} ms  ${done.detail ?? ''}`, {})
    return result
  }
  let verdict: 'ok' | 'failed' = 'failed'
  let failure: string | undefined
  const interrupted = (): void => { stage.kill() }
  process.once('SIGINT', interrupted)
  try {
    if (!output.json) output.print(`An overlay of ${count} peers on this machine, each a process of its own:\n`, {})
    await script(stage, step, count, dir)
    verdict = 'ok'
  } catch (cause) {
    failure = cause instanceof Error ? cause.message : String(cause)
  } finally {
    process.off('SIGINT', interrupted)
    await stage.stop()
  }
  const ms = Math.round(performance.now() - started)
  if (verdict === 'ok') rmSync(dir, { recursive: true, force: true })
  output.print(
    verdict === 'ok' ? `\nVerdict: ok, ${steps.length} steps in ${(ms / 1000).toFixed(1)} s.` : `\nVerdict: failed: ${failure ?? ''}\nThe profiles and logs are left in ${dir}.`,
    { verdict, steps, ms, ...(failure !== undefined && { failure, left: dir }) },
  )
  return verdict === 'ok' ? 0 : 1
}

type Do = <T>(name: string, what: () => Promise<T>, detail?: (result: T) => string) => Promise<T>

async function script(stage: Stage, step: Do, count: number, dir: string): Promise<void> {
  const aliceTone = writeTone(join(dir, 'alice.wav'), { hz: 440, seconds: 2 })
  const bobTone = writeTone(join(dir, 'bob.wav'), { hz: 660, seconds: 2 })
  const recordings = join(dir, 'recordings')

  const organiser = stage.person('organiser')
  await step('create the overlay', () => organiser.command(['overlay', 'create', overlayName, '--user', 'organiser']), () => overlayName)
  await step('start the organiser', async () => {
    await organiser.run(['--listen', '127.0.0.1:0'])
    await organiser.until((s) => s.status.registered, 'the organiser registers')
  }, () => organiser.listening())

  const names = ['alice', 'bob', ...Array.from({ length: count - 3 }, (_, i) => `peer${i + 1}`)]
  const people = new Map(names.map((name) => [name, stage.person(name)]))
  for (const [name, person] of people) {
    await step(`enrol ${name}`, async () => {
      const { link } = await organiser.call('overlay.invite', { userName: name })
      return person.command(['join', link ?? '']) as Promise<{ nodeId: string }>
    }, ({ nodeId }) => `Node-ID ${nodeId}`)
    await step(`${name} joins`, async () => {
      await person.run(['--listen', '127.0.0.1:0', '--bootstrap', organiser.listening(), ...(name === 'bob' ? ['--answer', bobTone, '--record', recordings] : [])])
      await person.until((s) => s.status.phase === 'joined' && s.status.registered, `${name} joins and registers`)
    }, () => person.listening())
  }
  const alice = people.get('alice') as Person, bob = people.get('bob') as Person

  await step('alice looks bob up', () => alice.call('overlay.lookup', { uri: `sip:bob@${overlayName}` }).then((found) => {
    if (found.length !== 1) throw new Error(`${found.length} registrations of bob`)
    return found[0]
  }), (found) => found?.target ?? '')
  await step('presence: each sees the other', async () => {
    await Promise.all([alice.call('contacts.add', { uri: `sip:bob@${overlayName}` }), bob.call('contacts.add', { uri: `sip:alice@${overlayName}` })])
    await Promise.all([alice.seesPresence('bob', 'available', ''), bob.seesPresence('alice', 'available', '')])
  })
  await step('presence: bob away, alice sees it', async () => {
    await bob.call('presence.set', { state: 'away', note: 'at lunch' })
    await alice.seesPresence('bob', 'away', 'at lunch')
  })
  await step('presence: alice busy, bob sees it', async () => {
    await alice.call('presence.set', { state: 'busy', note: 'writing' })
    await bob.seesPresence('alice', 'busy', 'writing')
  })
  await step('message: alice to bob', () => exchange(alice, bob, 'alice', 'bob', 'Hello Bob, no server here.'))
  await step('message: bob to alice', () => exchange(bob, alice, 'bob', 'alice', 'Hello Alice, none here either.'))

  const heard = join(dir, 'alice-heard.wav')
  const call = await step('call: alice to bob, sound flows', async () => {
    const { id } = await alice.call('call.place', { uri: `sip:bob@${overlayName}`, media: { engine: 'headless', play: aliceTone, record: heard } })
    const view = await alice.untilCall(id, (c) => c.state === 'active' || c.state === 'ended')
    if (view.state === 'ended') throw new Error(`the call ended: ${view.end ?? ''}`)
    await bob.until((s) => Object.values(s.calls).some((c) => c.state === 'active'), 'bob’s side of the call is active')
    return view
  }, (view) => `${view.codec}, ${view.security}`)
  await step('call: presence shows it', () => alice.seesPresence('bob', 'in-call', undefined))
  await step('call: three seconds of tone', () => new Promise((done) => { setTimeout(done, 3000) }))
  await step('call: hang up', async () => {
    await alice.call('call.hangup', { id: call.id })
    await alice.untilCall(call.id, (c) => c.state === 'ended')
    await bob.until((s) => Object.values(s.calls).every((c) => c.state === 'ended'), 'bob’s side ends')
  })
  await step('bob’s tone heard by alice', () => measure(heard, 660), (hz) => `${hz.toFixed(1)} Hz`)
  await step('alice’s tone heard by bob', async () => {
    const file = readdirSync(recordings)[0]
    if (file === undefined) throw new Error('bob recorded nothing')
    return measure(join(recordings, file), 440)
  }, (hz) => `${hz.toFixed(1)} Hz`)
  await step('bob leaves, alice sees it', async () => {
    await bob.stop()
    await alice.seesPresence('bob', 'offline', undefined)
  })
}

async function exchange(from: Person, to: Person, fromName: string, toName: string, text: string): Promise<void> {
  const arrived = to.untilMessage((m) => m.direction === 'in' && m.text === text && m.aor === `${fromName}@${overlayName}`)
  const { id } = await from.call('messages.send', { uri: `sip:${toName}@${overlayName}`, text })
  await from.untilMessage((m) => m.id === id && m.state === 'delivered')
  await arrived
}

function measure(file: string, expectedHz: number): Promise<number> {
  const { hz, share } = dominantFrequency(readWav(file))
  if (Math.abs(hz - expectedHz) > 5) throw new Error(`${expectedHz} Hz was played, ${hz.toFixed(1)} Hz was heard (${(share * 100).toFixed(0)} % of the energy)`)
  return Promise.resolve(hz)
}

function within<T>(promise: Promise<T>, ms: number, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => { reject(new Error(`${name}: not done within ${ms / 1000} s`)) }, ms)
    promise.then(resolve, (cause: unknown) => { reject(new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`)) }).finally(() => { clearTimeout(timer) })
  })
}

/** All the people of the demo; stops what they started. */
class Stage {
  private readonly people: Person[] = []
  constructor(private readonly dir: string) {}

  person(name: string): Person {
    const person = new Person(name, join(this.dir, name))
    this.people.push(person)
    return person
  }

  async stop(): Promise<void> { await Promise.allSettled(this.people.map((p) => p.stop())) }
  kill(): void { for (const person of this.people) person.kill() }
}

/** One peer: a process of `ringway run`, and a client at its control socket. */
class Person {
  private child: ChildProcess | undefined
  private client: ContractClient | undefined
  private state: State | undefined
  private readonly messages: MessageView[] = []
  private readonly watchers = new Set<() => void>()

  constructor(readonly name: string, private readonly profile: string) {}

  /** Runs one command to its end. @returns its last JSON object */
  command(args: string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const child = this.spawn(args)
      let last = '', errors = ''
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => { last = line })
      child.stderr?.on('data', (chunk: Buffer) => { errors += chunk.toString() })
      child.once('error', reject)
      child.once('close', (code) => {
        if (code === 0) resolve(JSON.parse(last === '' ? '{}' : last))
        else reject(new Error(`ringway ${args.join(' ').slice(0, 60)} ended with ${String(code)}: ${last || errors}`))
      })
    })
  }

  async run(args: string[]): Promise<void> {
    const child = this.spawn(['run', '--no-multicast', ...args])
    this.child = child
    let errors = ''
    child.stderr?.on('data', (chunk: Buffer) => { errors += chunk.toString() })
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const event = JSON.parse(line) as { event?: string; error?: string; message?: string }
        if (event.event === 'running') resolve()
        if (event.error !== undefined) errors += `${event.error}: ${event.message ?? ''}`
      })
      child.once('close', (code) => { reject(new Error(`${this.name} ended with ${String(code)}: ${errors}`)) })
    })
    const port = await connectUnix(controlPath(this.profile))
    if (port === undefined) throw new Error(`${this.name} does not answer at its control socket`)
    this.client = new ContractClient(port)
    this.client.on('state', ({ changes }) => {
      for (const { topic, id, value } of changes) {
        if (topic === 'messages') this.messages.push(value as MessageView)
        else if (this.state !== undefined) apply(this.state, topic, id, value)
      }
      for (const wake of [...this.watchers]) wake()
    })
    this.state = (await this.client.call('state.get', {})).state
  }

  listening(): string { return (this.state?.status as PeerStatus).listen ?? '' }

  call: ContractClient['call'] = (method, params) => (this.client as ContractClient).call(method, params)

  until(holds: (state: State) => boolean, what: string): Promise<void> {
    return this.wait(() => (this.state !== undefined && holds(this.state) ? true : undefined), what).then(() => undefined)
  }

  untilCall(id: string, holds: (call: CallView) => boolean): Promise<CallView> {
    return this.wait(() => { const call = this.state?.calls[id]; return call !== undefined && holds(call) ? call : undefined }, `call ${id}`)
  }

  untilMessage(holds: (message: MessageView) => boolean): Promise<MessageView> {
    return this.wait(() => this.messages.find(holds), 'the message')
  }

  seesPresence(name: string, state: string, note: string | undefined): Promise<ContactView> {
    return this.wait(() => {
      const contact = this.state?.contacts[`${name}@${overlayName}`]
      return contact?.presence.state === state && (note === undefined || contact.presence.note === note) ? contact : undefined
    }, `${name} ${state}`)
  }

  async stop(): Promise<void> {
    this.client?.close()
    this.client = undefined
    const child = this.child
    if (child === undefined || child.exitCode !== null) return
    this.child = undefined
    const closed = new Promise<void>((done) => { child.once('close', () => { done() }) })
    child.kill('SIGTERM')
    const timer = setTimeout(() => { child.kill('SIGKILL') }, 8000)
    await closed
    clearTimeout(timer)
  }

  kill(): void { this.child?.kill('SIGKILL') }

  private spawn(args: string[]): ChildProcess {
    return spawn(process.execPath, [process.argv[1] as string, ...args, '--profile', this.profile, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
  }

  private wait<T>(look: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look()
        if (found === undefined) return
        this.watchers.delete(check)
        clearTimeout(timer)
        resolve(found)
      }
      const timer = setTimeout(() => { this.watchers.delete(check); reject(new Error(`${this.name} waited in vain: ${what}`)) }, stepTimeoutMs)
      this.watchers.add(check)
      check()
    })
  }
}

function apply(state: State, topic: string, id: string | undefined, value: unknown): void {
  const record = state as unknown as Record<string, unknown>
  if (id === undefined) { record[topic] = value; return }
  const entries = record[topic] as Record<string, unknown>
  if (value === null) delete entries[id]
  else entries[id] = value
}
