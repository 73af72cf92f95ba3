/**
 * The sound of calls made by a client of the contract (its WebRTC): each step is asked of the one client that
 * placed or answered the call, and its answers come back by `media.result`.
 */
import type { ClientConnection } from '@shared/ipc/server.ts'
import type { CallMedia } from '@shared/ipc/contract.ts'
import { isErrorCode } from '@shared/errorCodes.ts'
import { untilAborted } from '../base/abort.ts'
import { PeerError } from '../base/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { MediaPort, MediaSession, MediaUser } from '../phone/mediaPort.ts'

export type ClientMedia = Extract<CallMedia, { engine: 'client' }>
type Kind = 'offer' | 'answer' | 'accept' | 'mute' | 'unmute' | 'flow' | 'keys' | 'close'

/** Opening a microphone may ask the user first. */
const answerTimeoutMs = 60_000

export class MediaClients {
  private readonly waiting = new Map<string, { client: ClientConnection; resolve: (sdp: string) => void; reject: (cause: Error) => void }>()
  private readonly users = new Map<string, { client: ClientConnection; user: MediaUser }>()
  private nextRequest = 1

  constructor(private readonly clock: Clock) {}

  /** A MediaPort whose sessions are made by `client`. */
  portOf(client: ClientConnection): MediaPort {
    return { open: (call, user) => this.open(client, call.id, user) }
  }

  /** `media.result` of a client. */
  result(client: ClientConnection, request: string, sdp: string | undefined, error: string | undefined): void {
    const waiting = this.waiting.get(request)
    if (waiting === undefined || waiting.client !== client) return
    if (error === undefined) waiting.resolve(sdp ?? '')
    else waiting.reject(new PeerError(isErrorCode(error) ? error : 'call-media-failed'))
  }

  /** `media.state` of a client. */
  state(client: ClientConnection, call: string, state: 'connected' | 'failed', codec: string | undefined): void {
    const entry = this.users.get(call)
    if (entry?.client !== client) return
    if (state === 'connected') entry.user.onConnected(codec ?? '')
    else entry.user.onFailed('call-media-failed')
  }

  private open(client: ClientConnection, call: string, user: MediaUser): MediaSession {
    const entry = { client, user }
    this.users.set(call, entry)
    let open = true
    client.onClose(() => {
      if (this.users.get(call) !== entry) return
      this.users.delete(call)
      if (open) user.onFailed('call-media-failed')
      open = false
    })
    const tell = (kind: Kind, more: { sdp?: string; send?: boolean; receive?: boolean; digits?: string } = {}): string => {
      const request = `media-${this.nextRequest++}`
      client.emit('media', { request, call, kind, ...more })
      return request
    }
    const ask = (kind: 'offer' | 'answer' | 'accept', sdp?: string): Promise<string> => {
      const request = tell(kind, sdp === undefined ? {} : { sdp })
      return new Promise<string>((resolve, reject) => {
        const timer = this.clock.setTimer(answerTimeoutMs, () => { settle(); reject(new PeerError('call-media-failed', 'the window that makes the sound did not answer')) })
        const settle = (): void => { timer.cancel(); this.waiting.delete(request) }
        this.waiting.set(request, {
          client,
          resolve: (value) => { settle(); resolve(value) },
          reject: (cause) => { settle(); reject(cause) },
        })
        client.onClose(() => { this.waiting.get(request)?.reject(new PeerError('call-media-failed', 'the window that makes the sound is gone')) })
      })
    }
    return {
      engine: 'client',
      offer: (signal) => untilAborted(ask('offer'), signal),
      answer: (remoteOffer, signal) => untilAborted(ask('answer', remoteOffer), signal),
      accept: async (remoteAnswer) => { await ask('accept', remoteAnswer) },
      setMuted: (muted) => { if (open) tell(muted ? 'mute' : 'unmute') },
      setFlow: ({ send, receive }) => { if (open) tell('flow', { send, receive }) },
      sendKeys: (digits) => { if (open) tell('keys', { digits }) },
      close: () => {
        if (!open) return
        open = false
        if (this.users.get(call) === entry) this.users.delete(call)
        tell('close')
      },
    }
  }
}
