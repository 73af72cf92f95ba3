/**
 * `sybil-eclipse`: how much of the registrations of honest peers a share of colluding peers can hide, for each
 * misconduct of `Collusion`, from a plain Fetch and from a robust one. Whatever they do, no value may be believed
 * that its writer has not signed: such a look-up is `wrong`.
 */
import { equalBytes } from '../../../src-main/base/bytes.ts'
import { decodeSipRegistration, sipRegistrationKind } from '../../../src-main/reload/usages/sipRegistration.ts'
import { misconducts } from './collusion.ts'
import type { SimPeer } from './simPeer.ts'
import type { SimRecord, World } from './world.ts'

const never = new AbortController().signal
const ways = ['plain', 'robust'] as const

/** @param minutes of virtual time, shared by good conduct and each misconduct */
export async function sybilEclipse(world: World, minutes: number, lookupsPerPeerPerMinute: number): Promise<void> {
  const { collusion } = world
  world.extra.colluders = collusion.size
  const records = world.records.filter(({ writer }) => !collusion.has(writer.id))
  for (const misconduct of [undefined, ...misconducts]) {
    collusion.misconduct = misconduct
    const tallies = { plain: { found: 0, hidden: 0, failed: 0 }, robust: { found: 0, hidden: 0, failed: 0 } }
    const before = suspicions(world)
    const seconds = Math.max(1, Math.round(minutes * 60 / (1 + misconducts.length)))
    let due = 0
    for (let s = 0; s < seconds; s++) {
      for (due += world.members.length * lookupsPerPeerPerMinute / 60; due >= 1; due--) {
        const from = honest(world)
        const record = records[Math.floor(world.random.float() * records.length)]
        if (from === undefined || record === undefined) continue
        for (const way of ways) world.clock.setTimer(world.random.float() * 1000, () => { void lookUp(world, from, record, way, tallies[way]) })
      }
      await world.advance(1000)
    }
    await world.advance(25_000)
    world.extra[misconduct ?? 'good'] = { ...tallies, noticed: suspicions(world) - before }
  }
  collusion.misconduct = undefined
}

function honest(world: World): SimPeer | undefined {
  for (let tries = 0; tries < 100; tries++) {
    const peer = world.randomMember()
    if (peer !== undefined && !world.collusion.has(peer.id)) return peer
  }
  return undefined
}

const suspicions = (world: World): number => [...world.counters].reduce((sum, [name, count]) => sum + (name.startsWith('suspicious.') ? count : 0), 0)

async function lookUp(world: World, from: SimPeer, record: SimRecord, way: (typeof ways)[number], tally: { found: number; hidden: number; failed: number }): Promise<void> {
  const startedAt = world.clock.monotonic()
  try {
    const values = await from.overlay.fetch(record.resourceId, sipRegistrationKind, { model: 'dictionary', keys: [] }, never, { robust: way === 'robust' })
    const value = values.find(({ key }) => key !== undefined && equalBytes(key, record.key))
    if (value === undefined) { tally.hidden++; return }
    const registration = decodeSipRegistration(value.value)
    if (registration.type !== 'route' || registration.contactPrefs !== `v${record.version}`) { world.lookups.wrong++; return }
    tally.found++
    if (way === 'robust') { world.lookups.ok++; world.latenciesMs.push(world.clock.monotonic() - startedAt) }
  } catch {
    tally.failed++
  }
}
