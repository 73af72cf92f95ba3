/**
 * `clients`: nodes that only use the overlay (RFC 6940 §4.2) beside its peers. They register where they are reached
 * and register anew when that changes; peers crash under them. Measured: whether they find and are found.
 */
import { equalBytes } from '../../../src-main/base/bytes.ts'
import { decodeSipRegistration, sipRegistrationKind } from '../../../src-main/reload/usages/sipRegistration.ts'
import type { SimPeer } from './simPeer.ts'
import type { SimRecord, World } from './world.ts'

const never = new AbortController().signal

/** Starts `count` clients and has them register; resolves when all are attached and registered. */
export async function addClients(world: World, count: number): Promise<readonly { readonly client: SimPeer; readonly record: SimRecord }[]> {
  const all = Array.from({ length: count }, () => world.spawn({ client: true }))
  if (!await world.until(() => all.every(({ overlay }) => overlay.status.phase === 'joined'), 120_000)) throw new Error('clients are not attached after two minutes')
  const entries = all.map((client) => ({ client, record: world.recordOf(client) }))
  await Promise.all([
    Promise.all(entries.map(({ client, record }) => world.register(client, record))),
    world.until(() => entries.every(({ record }) => record.version > 0), 60_000),
  ])
  for (const { client, record } of entries) client.overlay.onRoute(() => { void world.register(client, record) })
  return entries
}

/** Looks a client up as a caller does and pings it along the route that was found; from a peer or from another client. */
export async function reach(world: World, from: SimPeer, { client, record }: { readonly client: SimPeer; readonly record: SimRecord }, tally: { ok: number; failed: number }): Promise<void> {
  // Whoever has crashed since asks nobody.
  if (from.state === 'gone') return
  try {
    const values = await from.overlay.fetch(record.resourceId, sipRegistrationKind, { model: 'dictionary', keys: [] }, never)
    const value = values.find(({ key }) => key !== undefined && equalBytes(key, record.key))
    const registration = value === undefined ? undefined : decodeSipRegistration(value.value)
    const route = registration?.type !== 'route' ? [] : registration.destinationList.flatMap((entry) => ('node' in entry ? [{ node: entry.node }] : []))
    const { responder } = await world.network.traffic.ofUser(() => from.overlay.ping(route, never))
    tally[equalBytes(responder, client.id) ? 'ok' : 'failed']++
  } catch (error) {
    tally.failed++
    if (world.notes.length < 50) world.notes.push(`${Math.round(world.clock.monotonic())} client ${client.index} not reached from ${from.index}: ${String(error)}`)
  }
}
