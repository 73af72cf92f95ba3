/**
 * `config-update`: a new document goes through a live ring (RFC 6940 §6.5.4), then one that revokes peers by bad-node
 * (§11.1), while look-ups go on. Measured: how long until everybody has it, and until no link to a revoked peer is left.
 */
import { equalBytes } from '../../../src-main/base/bytes.ts'
import type { OverlayConfiguration } from '../../../src-main/reload/config/configuration.ts'
import { percentile } from './report.ts'
import type { SimPeer } from './simPeer.ts'
import type { World } from './world.ts'

/** Of the members, at least one. */
const REVOKED_SHARE = 0.01
const LIMIT_MS = 60_000

/** Runs beside the look-ups; figures go to `world.extra`. */
export async function configUpdate(world: World, lookUpFor: (seconds: number) => Promise<void>): Promise<void> {
  const [organiser] = world.peers
  if (organiser === undefined) throw new Error('nobody holds the key of the document')
  await lookUpFor(10)

  const rolledOut = await rollOut(world, organiser, { sequence: 1, chordUpdateIntervalS: 290 })
  world.extra.rollOutMs = { p50: percentile(rolledOut, 0.5), max: Math.max(...rolledOut), missed: world.members.length - 1 - rolledOut.length }
  await lookUpFor(20)

  const bad: SimPeer[] = []
  while (bad.length < Math.max(1, Math.round(world.members.length * REVOKED_SHARE))) {
    const peer = world.randomMember()
    if (peer !== undefined && peer !== organiser && !bad.includes(peer)) bad.push(peer)
  }
  const good = world.members.filter((peer) => !bad.includes(peer))
  // What the revoked have written is not valid any more, and nobody waits for their answers.
  for (const peer of bad) world.exclude(peer)
  const startedAt = world.clock.monotonic()
  await rollOut(world, organiser, { sequence: 2, badNodes: bad.map(({ id }) => id) })
  const linked = (): boolean => good.some(({ overlay }) => overlay.neighbours().some(({ nodeId }) => bad.some(({ id }) => equalBytes(id, nodeId))))
  const apart = await world.until(() => !linked() && bad.every(({ overlay }) => overlay.status.phase === 'stopped'), LIMIT_MS)
  world.extra.revoked = { peers: bad.length, noLinkLeftMs: apart ? Math.round(world.clock.monotonic() - startedAt) : null }
  await world.until(() => world.misplaced().length === 0, LIMIT_MS)
  await lookUpFor(20)

  // Whoever was away comes back with the first document and is given the newest.
  const late = world.spawn()
  const caughtUp = await world.until(() => late.state === 'member' && late.overlay.configuration.sequence === 2, LIMIT_MS)
  world.extra.lateComerCaughtUp = caughtUp
  await lookUpFor(10)
}

/** @returns how long each member but the organiser took, ms; who does not get it within a minute is missing */
async function rollOut(world: World, organiser: SimPeer, change: Partial<OverlayConfiguration>): Promise<readonly number[]> {
  const startedAt = world.clock.monotonic()
  const times: number[] = []
  const others = world.members.filter((peer) => peer !== organiser)
  const stops = others.map(({ overlay }) => overlay.onDocument(() => { times.push(Math.round(world.clock.monotonic() - startedAt)) }))
  organiser.overlay.updateDocument(world.document(change))
  await world.until(() => times.length === others.length, LIMIT_MS)
  for (const stop of stops) stop()
  return times
}
