/**
 * The calls as the screens need them: the one in hand, the ones that ring, and the last word of those that ended,
 * kept here until dismissed because the peer forgets them. Drives the sound (MediaClient, Tones).
 */
import { defineStore } from 'pinia'
import { computed, reactive, shallowReactive, shallowRef, watch } from 'vue'
import type { CallView } from '@shared/model/index.ts'
import { ContractError } from '@shared/ipc/client.ts'
import type { MediaClient, SoundState } from '../media/mediaClient.ts'
import type { Tone } from '../media/tones.ts'
import { usePeer } from './peer.ts'

const live = (call: CallView): boolean => call.state !== 'ended' && call.state !== 'incoming'

/** The tone for what is going on, if any. */
export function toneFor(calls: readonly CallView[]): Tone | undefined {
  const busy = calls.some(live)
  if (calls.some((call) => call.state === 'incoming')) return busy ? 'waiting' : 'ring'
  return calls.some((call) => call.state === 'ringing' && call.engine !== 'headless') ? 'ringback' : undefined
}

export const useCalls = defineStore('calls', () => {
  const peer = usePeer()
  const sound = shallowReactive<Record<string, SoundState>>({})
  /** ended calls the user has not dismissed, by id */
  const ended = reactive<Record<string, CallView>>({})
  const dismissed = new Set<string>()
  const media = shallowRef<MediaClient>()
  const silenced = reactive(new Set<string>())
  let onEnd: (call: CallView) => void = () => undefined

  const all = computed(() => Object.values(peer.state.calls).sort((a, b) => a.startedAt - b.startedAt))
  const incoming = computed(() => all.value.filter((call) => call.state === 'incoming'))
  const inHand = computed(() => all.value.filter(live))
  const tone = computed(() => toneFor(all.value.filter((call) => !(call.state === 'incoming' && silenced.has(call.id)))))

  watch(() => ({ ...peer.state.calls }), (now, before) => {
    for (const [id, call] of Object.entries(before)) {
      const current = now[id]
      if (current === undefined && call.state !== 'ended') finish({ ...call, state: 'ended', endedAt: Date.now(), end: call.end ?? 'call-failed' })
    }
    for (const call of Object.values(now)) if (call.state === 'ended' && before[call.id] !== undefined) finish(call)
  })

  function finish(call: CallView): void {
    if (dismissed.has(call.id) || ended[call.id] !== undefined) return
    // a call that only rang here has nothing to show on a stage; it is in the history
    if (call.direction === 'in' && call.answeredAt === null && call.end !== 'call-media-failed' && call.end !== 'microphone-missing' && call.end !== 'microphone-denied') return
    ended[call.id] = call
    onEnd(call)
  }

  /** The call with this id, running or ended. */
  function find(id: string): CallView | undefined { return peer.state.calls[id] ?? ended[id] }

  function dismiss(id: string): void {
    dismissed.add(id)
    delete ended[id]
  }

  /** @throws ContractError */
  async function place(aor: string, uri = `sip:${aor}`): Promise<string> {
    const running = inHand.value.find((call) => call.remote.aor === aor)
    if (running !== undefined) return running.id
    for (const id of Object.keys(ended)) dismiss(id)
    return (await peer.call('call.place', { uri, media: { engine: 'client' }, holdOthers: true })).id
  }

  /** Answers, and puts what was in hand on hold: one microphone, one conversation. A call not yet answered ends. @throws ContractError */
  async function answer(id: string): Promise<void> {
    for (const call of inHand.value) if (call.answeredAt === null) await hangup(call.id)
    await peer.call('call.answer', { id, media: { engine: 'client' }, holdOthers: true })
  }

  async function reject(id: string): Promise<void> { await gone(peer.call('call.reject', { id })) }
  async function hangup(id: string): Promise<void> { await gone(peer.call('call.hangup', { id })) }
  async function hold(id: string): Promise<void> { await peer.call('call.hold', { id }) }
  async function resume(id: string): Promise<void> { await peer.call('call.resume', { id, holdOthers: true }) }
  async function sendKeys(id: string, digits: string): Promise<void> { await peer.call('call.dtmf', { id, digits }) }
  /** @param to somebody, or another call of ours whose other side is to be joined */
  async function transfer(id: string, to: { uri: string } | { withCall: string }): Promise<void> { await peer.call('call.transfer', { id, ...to }) }
  async function mute(id: string, muted: boolean): Promise<void> { await peer.call('call.mute', { id, muted }) }

  /** The call ended in the same moment: what was wanted has happened. */
  async function gone(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (cause) {
      if (!(cause instanceof ContractError && cause.code === 'call-unknown')) throw cause
    }
  }

  return {
    sound, ended, media, silenced, all, incoming, inHand, tone, find, dismiss, place, answer, reject, hangup, mute, hold, resume, sendKeys, transfer,
    setOnEnd: (listener: (call: CallView) => void) => { onEnd = listener },
  }
})
