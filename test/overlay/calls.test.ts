/** Calls between people of the overlay with sound from and to files: between two apps (§3.4.1), and with a client that is no peer (§3.4.2). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, openSite, overlayName, type RunningPeer, type Site, sleep } from '../interop/sip/site.ts'

describe('calls in the overlay', () => {
  let site: Site
  beforeAll(async () => { site = await openSite({ withCarol: 'client' }) })
  afterAll(async () => { await site.close() })

  const person = (name: 'alice' | 'bob' | 'carol'): RunningPeer => {
    const found = site[name]
    if (found === undefined) throw new Error(`no ${name}`)
    return found
  }
  it.each([['bob', 'alice'], ['carol', 'bob'], ['alice', 'carol']] as const)('%s calls %s: each hears the other’s tone', async (caller, callee) => {
    const from = person(caller), to = person(callee), ringing = to.nextCall()
    const { id } = await from.client.call('call.place', { uri: `sip:${callee}@${overlayName}`, media: site.media(`${caller}-calls`, 440) })
    const told = (): string => JSON.stringify([from.calls.get(id), ringing()])
    await eventually(() => Promise.resolve(ringing()?.state === 'incoming'), told)
    expect(ringing()?.remote).toMatchObject({ aor: `${caller}@${overlayName}`, verified: true })
    await to.client.call('call.answer', { id: ringing()?.id ?? '', media: site.media(`${callee}-called`, 660) })
    await eventually(() => Promise.resolve(from.calls.get(id)?.state === 'active' && ringing()?.state === 'active'), told)
    expect(from.calls.get(id)).toMatchObject({ security: 'dtls-srtp', codec: 'opus/48000' })
    await sleep(2_000)
    await from.client.call('call.hangup', { id })
    await eventually(() => Promise.resolve(ringing()?.state === 'ended'), told)
    expect(Math.abs(site.hears(`${caller}-calls`) - 660)).toBeLessThan(5)
    expect(Math.abs(site.hears(`${callee}-called`) - 440)).toBeLessThan(5)
  })
})
