/**
 * The scenarios of the simulator. Each grows a ring, does to it what its name says for a number of virtual minutes
 * while look-ups go on, and leaves the figures in the world.
 */
import { topologyChoice, type TopologyPluginName } from '../../../src-main/reload/config/configuration.ts'
import { addClients, reach } from './clients.ts'
import { configUpdate } from './configUpdate.ts'
import { sybilEclipse } from './sybilEclipse.ts'
import type { SimPeer } from './simPeer.ts'
import type { World, WorldOptions } from './world.ts'

export interface ScenarioOptions {
  readonly peers: number
  readonly minutes: number
  /** Of a peer's stay, in `churn`. */
  readonly meanSessionMinutes: number
  readonly lookupsPerPeerPerMinute: number
  /** For each peer, in `clients`. */
  readonly clientShare: number
}

export const scenarioNames = ['join', 'steady', 'churn', 'crash-neighbours', 'partition-heal', 'store-heavy', 'config-update', 'clients', 'sybil-eclipse'] as const
export type ScenarioName = (typeof scenarioNames)[number]

/** What the world of a scenario must have. @param colluding share of the peers, in `sybil-eclipse`; @param plugin of the configuration document */
export function worldOptions(name: ScenarioName, colluding: number, plugin: TopologyPluginName = 'CHORD-RELOAD'): Omit<WorldOptions, 'seed'> {
  return { signed: name === 'config-update', colluding: name === 'sybil-eclipse' ? colluding : 0, configuration: topologyChoice(plugin) }
}

/** Seconds in which a fresh ring completes its tables before anything is measured. */
const SETTLE_S = 30

export async function runScenario(world: World, name: ScenarioName, options: ScenarioOptions): Promise<void> {
  await world.grow(options.peers)
  await registerAll(world)
  if (name !== 'join') await world.advance(SETTLE_S * 1000)
  world.beginMeasuring()
  switch (name) {
    case 'join': case 'steady':
      await lookUpFor(world, options, options.minutes * 60, true)
      break
    case 'churn':
      await churn(world, options)
      break
    case 'crash-neighbours':
      await crashNeighbours(world, options)
      break
    case 'partition-heal':
      await partitionHeal(world, options)
      break
    case 'store-heavy':
      await storeHeavy(world, options)
      break
    case 'config-update':
      await configUpdate(world, (seconds) => lookUpFor(world, options, seconds, false))
      break
    case 'clients':
      await clients(world, options)
      break
    case 'sybil-eclipse':
      await sybilEclipse(world, options.minutes, options.lookupsPerPeerPerMinute)
      break
  }
  world.endMeasuring()
}

/** Look-ups spread over each second, from and for anybody. `eachSecond` runs at its beginning. */
async function lookUpFor(world: World, options: ScenarioOptions, seconds: number, strict: boolean, eachSecond: () => void = () => undefined): Promise<void> {
  let due = 0
  for (let s = 0; s < seconds; s++) {
    eachSecond()
    due += world.members.length * options.lookupsPerPeerPerMinute / 60
    const count = Math.floor(due)
    due -= count
    for (let i = 0; i < count; i++) world.clock.setTimer(world.random.float() * 1000, () => { lookUpOnce(world, strict) })
    await world.advance(1000)
  }
  // Those still under way end within the request lifetime.
  await world.advance(16_000)
}

function lookUpOnce(world: World, strict: boolean): void {
  const from = world.randomMember()
  const record = world.records[Math.floor(world.random.float() * world.records.length)]
  if (from === undefined) return
  if (record !== undefined) void world.lookUp(from, record)
  void world.route(from, world.random.bytes(16), strict)
}

async function registerAll(world: World): Promise<void> {
  let left = 0
  for (const peer of world.members) {
    left++
    world.clock.setTimer(world.random.float() * 5000, () => { void world.register(peer).finally(() => { left-- }) })
  }
  await world.until(() => left === 0, 60_000)
}

/** Exponential sessions; who goes is replaced by a new peer. Half of the departures are crashes, most of them silent. */
async function churn(world: World, options: ScenarioOptions): Promise<void> {
  const exponential = (): number => -Math.log(1 - world.random.float()) * options.meanSessionMinutes * 60_000
  const stay = (peer: SimPeer): void => {
    world.clock.setTimer(exponential(), () => {
      if (peer.state !== 'member') return
      const chance = world.random.float()
      if (chance < 0.5) world.leave(peer)
      else world.crash(peer, chance < 0.85 ? 'silent' : 'reset')
      world.clock.setTimer(world.random.float() * 2000, arrive)
    })
  }
  const arrive = (): void => {
    const peer = world.spawn()
    const stop = peer.overlay.onStatus(({ phase }) => {
      if (phase !== 'joined') return
      stop()
      stay(peer)
      void world.register(peer)
    })
  }
  for (const peer of world.members) stay(peer)
  await lookUpFor(world, options, options.minutes * 60, false)
}

/** Every 30 s one peer, or two that stand beside each other, lose their power in the same instant. */
async function crashNeighbours(world: World, options: ScenarioOptions): Promise<void> {
  let second = 0
  await lookUpFor(world, options, options.minutes * 60, false, () => {
    if (second++ % 30 !== 5 || world.members.length < 8) return
    const first = Math.floor(world.random.float() * world.members.length)
    const victims = [world.members[first], world.random.float() < 0.5 ? world.members[(first + 1) % world.members.length] : undefined]
    for (const victim of victims) if (victim !== undefined) world.crash(victim, 'silent')
  })
}

/** Two halves that do not hear each other for five minutes; then look-ups must find everything again. */
async function partitionHeal(world: World, options: ScenarioOptions): Promise<void> {
  world.measuring = false
  for (const peer of world.members) peer.host.group = world.random.float() < 0.5 ? 0 : 1
  await lookUpFor(world, options, 5 * 60 - 16, false)
  for (const peer of world.peers) peer.host.group = 0
  world.network.healed()
  const healedAt = world.clock.monotonic()
  const one = await world.until(() => world.misplaced().length === 0, options.minutes * 60_000, 1000)
  world.extra.oneRingAgainS = one ? Math.round((world.clock.monotonic() - healedAt) / 1000) : null
  world.extra.misplaced = world.misplaced().length
  // Copies of what the other half stored meanwhile follow the ring.
  await world.advance(10_000)
  world.measuring = true
  await lookUpFor(world, options, 60, true)
}

/** Each peer writes anew ten times a minute while others read. */
async function storeHeavy(world: World, options: ScenarioOptions): Promise<void> {
  const write = (peer: SimPeer, record: (typeof world.records)[number]): void => {
    world.clock.setTimer(12_000 * world.random.float(), () => {
      if (peer.state !== 'member' || !world.measuring) return
      world.extra.stores = Number(world.extra.stores ?? 0) + 1
      void world.register(peer, record).finally(() => { write(peer, record) })
    })
  }
  for (const record of world.records) write(record.writer, record)
  await lookUpFor(world, options, options.minutes * 60, true)
}

/** Clients find and are found, while every 30 s a peer loses its power. */
async function clients(world: World, options: ScenarioOptions): Promise<void> {
  const entries = await addClients(world, Math.max(1, Math.round(options.peers * options.clientShare)))
  const tally = { ok: 0, failed: 0 }
  world.beginMeasuring()
  let second = 0
  await lookUpFor(world, options, options.minutes * 60, false, () => {
    for (const entry of entries) {
      if (world.random.float() >= options.lookupsPerPeerPerMinute / 60) continue
      const from = world.random.float() < 0.5 ? world.randomMember() : entries[Math.floor(world.random.float() * entries.length)]?.client
      if (from !== undefined && from !== entry.client) world.clock.setTimer(world.random.float() * 1000, () => { void reach(world, from, entry, tally) })
    }
    if (second++ % 30 !== 5 || world.members.length < 8) return
    const victim = world.randomMember()
    if (victim !== undefined) world.crash(victim, 'silent')
  })
  await world.advance(20_000)
  world.extra.clients = { count: entries.length, attached: entries.filter(({ client }) => client.overlay.status.phase === 'joined').length, reached: tally }
}
