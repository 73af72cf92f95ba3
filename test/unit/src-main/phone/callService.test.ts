import type { CallView } from '@shared/model/index.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../support/virtualClock.ts'
import { FakeNet, fakeMedia, type Device } from './fakeNet.ts'

let clock: VirtualClock
let net: FakeNet
let alice: Device
let bob: Device

beforeEach(() => {
  clock = new VirtualClock()
  net = new FakeNet(clock)
  alice = net.add('alice@office.example')
  bob = net.add('bob@office.example')
})

function states(device: Device): CallView['state'][] {
  const seen: CallView['state'][] = []
  device.phone.calls.onChanged((call) => { if (seen.at(-1) !== call.state) seen.push(call.state) })
  return seen
}
const only = (device: Device): CallView => {
  const [call] = device.phone.calls.all()
  if (call === undefined) throw new Error('no call')
  return call
}
const pass = (ms: number): Promise<void> => clock.advanceAsync(ms)

describe('a call', () => {
  it('is found, rings, is answered, has sound and is hung up, and both sides keep it in their history', async () => {
    const out = states(alice), incoming = states(bob)
    const media = fakeMedia(), bobMedia = fakeMedia()
    const id = alice.phone.calls.place('sip:bob', media)
    await pass(100)
    expect(only(alice)).toMatchObject({ id, state: 'ringing', direction: 'out', remote: { aor: 'bob@office.example' } })
    expect(only(bob)).toMatchObject({ state: 'incoming', remote: { aor: 'alice@office.example', verified: true } })
    expect(bobMedia.log).toEqual([])
    bob.phone.calls.answer(only(bob).id, bobMedia)
    await pass(100)
    for (const side of [alice, bob]) expect(only(side)).toMatchObject({ state: 'active', codec: 'opus/48000', security: 'dtls-srtp', engine: 'headless', remote: { verified: true } })
    await pass(5_000)
    alice.phone.calls.hangUp(id)
    await pass(100)
    expect(out).toEqual(['finding', 'calling', 'ringing', 'connecting', 'active', 'ended'])
    expect(incoming).toEqual(['incoming', 'connecting', 'active', 'ended'])
    expect(alice.phone.history.latest()).toMatchObject([{ outcome: 'answered', end: 'hung-up', direction: 'out', durationS: 5, seen: true }])
    expect(bob.phone.history.latest()).toMatchObject([{ outcome: 'answered', end: 'remote-hung-up', direction: 'in', durationS: 5 }])
    expect(media.log.at(-1)).toBe('close')
    expect(bobMedia.log).toEqual(['open', 'answer', 'close'])
  })

  it('tells the caller of each refusal in its own words', async () => {
    for (const [busy, end, outcome] of [[false, 'call-declined', 'declined'], [true, 'call-busy', 'failed']] as const) {
      const id = alice.phone.calls.place('bob', fakeMedia())
      await pass(100)
      const ringing = bob.phone.calls.all().find((call) => call.state === 'incoming')
      bob.phone.calls.reject(ringing?.id ?? '', busy)
      await pass(100)
      expect(alice.phone.calls.get(id)).toMatchObject({ state: 'ended', end })
      expect(alice.phone.history.latest(1)).toMatchObject([{ outcome }])
      expect(bob.phone.history.latest(1)).toMatchObject([{ outcome: 'declined', end: 'rejected' }])
    }
  })

  it('that is cancelled while it rings is missed by the other side', async () => {
    const id = alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    alice.phone.calls.hangUp(id)
    await pass(100)
    expect(only(alice).end).toBe('cancelled')
    expect(bob.phone.history.latest()).toMatchObject([{ outcome: 'missed', end: 'missed', seen: false }])
  })

  it('can be cancelled while the other side is still looked for, and sends nothing', async () => {
    const id = alice.phone.calls.place('bob', fakeMedia())
    alice.phone.calls.hangUp(id)
    await pass(1_000)
    expect(only(alice)).toMatchObject({ state: 'ended', end: 'cancelled' })
    expect(bob.received).toEqual([])
  })

  it('ends as unknown or offline when look-up says so', async () => {
    net.vanish(bob)
    const media = fakeMedia()
    const unknown = alice.phone.calls.place('unknown', media), offline = alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    expect(alice.phone.calls.get(unknown)?.end).toBe('user-unknown')
    expect(alice.phone.calls.get(offline)?.end).toBe('user-offline')
    expect(media.log.at(-1)).toBe('close')
  })

  it('is given up after 60 s without an answer', async () => {
    const id = alice.phone.calls.place('bob', fakeMedia())
    await pass(59_000)
    expect(alice.phone.calls.get(id)?.state).toBe('ringing')
    await pass(1_500)
    expect(alice.phone.calls.get(id)).toMatchObject({ state: 'ended', end: 'call-no-answer' })
    expect(bob.phone.history.latest()).toMatchObject([{ outcome: 'missed' }])
  })

  it('rings on every device; the first answer wins and the others say answered elsewhere', async () => {
    const second = net.add('bob@office.example')
    alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    expect([only(bob).state, only(second).state]).toEqual(['incoming', 'incoming'])
    second.phone.calls.answer(only(second).id, fakeMedia())
    await pass(100)
    expect(only(second).state).toBe('active')
    expect(only(alice).state).toBe('active')
    expect(only(bob)).toMatchObject({ state: 'ended', end: 'answered-elsewhere' })
    expect(bob.phone.history.latest()).toMatchObject([{ outcome: 'answered-elsewhere', seen: true }])
  })

  it('goes on ringing elsewhere when one device is busy, and ends everywhere on 603', async () => {
    const second = net.add('bob@office.example')
    alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    bob.phone.calls.reject(only(bob).id, true)
    await pass(100)
    expect(only(alice).state).toBe('ringing')
    second.phone.calls.reject(only(second).id)
    await pass(100)
    expect(only(alice).end).toBe('call-declined')
  })

  it('waits for no device that is slow or gone: the others ring at once, and it rings when it is reached', async () => {
    const slow = net.add('bob@office.example'), gone = net.add('bob@office.example')
    net.slow.set(slow.nodeId, 5_000)
    net.slow.set(gone.nodeId, 15_000)
    const id = alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    expect([only(bob).state, slow.phone.calls.all(), only(alice).state]).toEqual(['incoming', [], 'ringing'])
    // Busy at the one: the call goes on, since the others may yet be reached.
    bob.phone.calls.reject(only(bob).id, true)
    await pass(100)
    expect(alice.phone.calls.get(id)?.end).toBeNull()
    net.vanish(gone)
    await pass(5_000)
    expect(only(slow).state).toBe('incoming')
    slow.phone.calls.reject(only(slow).id, true)
    await pass(100)
    expect(alice.phone.calls.get(id)?.end).toBeNull()
    await pass(10_000)
    expect(alice.phone.calls.get(id)?.end).toBe('call-busy')
  })

  it('that is answered is not offered to devices reached later', async () => {
    const slow = net.add('bob@office.example')
    net.slow.set(slow.nodeId, 5_000)
    alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    bob.phone.calls.answer(only(bob).id, fakeMedia())
    await pass(10_000)
    expect([only(alice).state, slow.phone.calls.all()]).toEqual(['active', []])
  })

  it('ends with what is wrong with the sound, before and after the answer', async () => {
    const media = fakeMedia()
    media.failWith = 'microphone-missing'
    const id = alice.phone.calls.place('bob', media)
    await pass(100)
    expect(alice.phone.calls.get(id)?.end).toBe('microphone-missing')
    const fine = fakeMedia(false)
    alice.phone.calls.place('bob', fine)
    await pass(100)
    const bobCall = bob.phone.calls.all().find((call) => call.state === 'incoming')
    bob.phone.calls.answer(bobCall?.id ?? '', fakeMedia(false))
    await pass(100)
    fine.users[0]?.onFailed('call-media-failed')
    await pass(100)
    expect(alice.phone.calls.all().at(-1)?.end).toBe('call-media-failed')
    expect(bob.phone.calls.get(bobCall?.id ?? '')?.end).toBe('remote-hung-up')
  })

  it('ends when no sound comes within 30 s of the answer', async () => {
    alice.phone.calls.place('bob', fakeMedia(false))
    await pass(100)
    bob.phone.calls.answer(only(bob).id, fakeMedia(false))
    await pass(29_000)
    expect(only(alice).state).toBe('connecting')
    await pass(2_000)
    expect([only(alice).end, only(bob).end]).toContain('call-media-failed')
    expect(only(alice).state).toBe('ended')
  })

  it('is answered with 488 when there is no codec in common', async () => {
    const id = alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    const media = fakeMedia()
    media.failWith = 'call-no-common-codec'
    bob.phone.calls.answer(only(bob).id, media)
    await pass(100)
    expect(only(bob).end).toBe('call-no-common-codec')
    expect(alice.phone.calls.get(id)?.end).toBe('call-no-common-codec')
  })

  it('that loses its connection ends as a network failure', async () => {
    alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    bob.phone.calls.answer(only(bob).id, fakeMedia())
    await pass(100)
    net.vanish(bob)
    await pass(100)
    expect(only(alice)).toMatchObject({ state: 'ended', end: 'network-timeout' })
  })

  it('can be muted and tells so', async () => {
    const media = fakeMedia()
    const id = alice.phone.calls.place('bob', media)
    await pass(100)
    alice.phone.calls.mute(id, true)
    alice.phone.calls.mute(id, true)
    expect(only(alice).muted).toBe(true)
    alice.phone.calls.mute(id, false)
    expect(media.log.filter((what) => what.endsWith('mute'))).toEqual(['mute', 'unmute'])
  })

  it('beyond the declared limit is refused: busy inwards, an error outwards', async () => {
    for (let i = 0; i < 20; i++) alice.phone.calls.place('bob', fakeMedia())
    expect(() => alice.phone.calls.place('bob', fakeMedia())).toThrow(expect.objectContaining({ code: 'too-many-requests' }))
    await pass(100)
    const carol = net.add('carol@office.example')
    const id = carol.phone.calls.place('bob', fakeMedia())
    await pass(100)
    expect(carol.phone.calls.get(id)?.end).toBe('call-busy')
  })

  it('leaves the view 30 s after its end, and no timer behind', async () => {
    const removed: string[] = []
    alice.phone.calls.onRemoved((id) => { removed.push(id) })
    const id = alice.phone.calls.place('unknown', fakeMedia())
    await pass(20_000)
    expect(alice.phone.calls.get(id)?.state).toBe('ended')
    await pass(11_000)
    expect(removed).toEqual([id])
    expect(clock.pending).toBe(0)
  })

  it('that is not there is call-unknown; a wrong address is told at once', () => {
    expect(() => { alice.phone.calls.hangUp('nope') }).toThrow(expect.objectContaining({ code: 'call-unknown' }))
    expect(() => alice.phone.calls.place('b b@', fakeMedia())).toThrow(expect.objectContaining({ code: 'address-invalid' }))
  })
})
