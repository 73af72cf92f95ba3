/**
 * Answers the peer's `media` events for the calls whose sound this window makes: one CallMedia a call. Reports
 * `media.state`, and watches whether sound arrives.
 */
import type { Events, Method, Params, Result } from '@shared/ipc/contract.ts'
import { CallMedia, MediaError, type MediaEnvironment } from './callMedia.ts'

/** The slice of ContractClient that is used. */
export interface MediaDoor {
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
}

export interface SoundState { interrupted: boolean; silent: boolean }

export interface MediaClientUser {
  /** what the window shows about the sound of a call; undefined when the call is over */
  onSound(call: string, state: SoundState | undefined): void
  /** a failure that has no request to be answered with */
  onError(cause: unknown): void
}

const silentAfterMs = 5_000, pollMs = 1_000

interface Entry { media: CallMedia; state: SoundState; poll: ReturnType<typeof setInterval> | undefined }

export class MediaClient {
  private readonly calls = new Map<string, Entry>()

  constructor(private readonly door: () => MediaDoor | undefined, private readonly environment: MediaEnvironment, private readonly user: MediaClientUser) {}

  async handle(event: Events['media']): Promise<void> {
    switch (event.kind) {
      case 'offer': return this.answerRequest(event.request, () => this.open(event.call).offer())
      case 'answer': return this.answerRequest(event.request, () => {
        const known = this.calls.get(event.call)?.media
        return known === undefined ? this.open(event.call).answer(event.sdp ?? '') : known.reanswer(event.sdp ?? '')
      })
      case 'accept': return this.answerRequest(event.request, () => this.find(event.call).accept(event.sdp ?? ''))
      case 'mute': case 'unmute':
        return this.answerRequest(event.request, () => {
          this.find(event.call).setMuted(event.kind === 'mute')
          return Promise.resolve()
        })
      case 'flow':
        return this.answerRequest(event.request, () => {
          this.find(event.call).setFlow({ send: event.send ?? true, receive: event.receive ?? true })
          return Promise.resolve()
        })
      case 'keys':
        return this.answerRequest(event.request, () => {
          this.find(event.call).sendKeys(event.digits ?? '')
          return Promise.resolve()
        })
      case 'close':
        this.close(event.call)
        return
    }
  }

  get active(): boolean { return this.calls.size > 0 }

  /** After the choice of microphone changed. */
  async switchMicrophone(): Promise<void> {
    await Promise.all([...this.calls.values()].map((entry) => entry.media.switchMicrophone()))
  }

  /** The peer is gone: without it no call can be ended or heard of again. */
  closeAll(): void {
    for (const call of [...this.calls.keys()]) this.close(call)
  }

  private find(call: string): CallMedia {
    const entry = this.calls.get(call)
    if (entry === undefined) throw new MediaError('call-media-failed', 'no sound is open for this call')
    return entry.media
  }

  private open(call: string): CallMedia {
    this.close(call)
    const state: SoundState = { interrupted: false, silent: false }
    const show = (part: Partial<SoundState>): void => {
      Object.assign(state, part)
      this.user.onSound(call, { ...state })
    }
    const media = new CallMedia(this.environment, {
      onConnected: (codec) => {
        this.report({ id: call, state: 'connected', codec })
        this.watch(call, show)
      },
      onFailed: () => { this.report({ id: call, state: 'failed' }) },
      onInterrupted: (interrupted) => { show({ interrupted }) },
    })
    this.calls.set(call, { media, state, poll: undefined })
    return media
  }

  private close(call: string): void {
    const entry = this.calls.get(call)
    if (entry === undefined) return
    this.calls.delete(call)
    clearInterval(entry.poll)
    entry.media.close()
    this.user.onSound(call, undefined)
  }

  private watch(call: string, show: (part: Partial<SoundState>) => void): void {
    const entry = this.calls.get(call)
    if (entry === undefined) return
    let packets = -1, sinceMs = 0
    const look = async (): Promise<void> => {
      const received = await entry.media.packetsReceived() ?? 0
      sinceMs = received > packets ? 0 : sinceMs + pollMs
      packets = received
      const silent = sinceMs >= silentAfterMs
      if (this.calls.get(call) === entry && silent !== entry.state.silent) show({ silent })
    }
    entry.poll = setInterval(() => { look().catch((cause: unknown) => { this.user.onError(cause) }) }, pollMs)
  }

  private report(params: Params<'media.state'>): void {
    this.door()?.call('media.state', params).catch((cause: unknown) => { this.user.onError(cause) })
  }

  private async answerRequest(request: string, work: () => Promise<string | void>): Promise<void> {
    let answer: Params<'media.result'>
    try {
      const sdp = await work()
      answer = typeof sdp === 'string' ? { request, sdp } : { request }
    } catch (cause) {
      answer = { request, error: cause instanceof MediaError ? cause.code : 'call-media-failed' }
    }
    await this.door()?.call('media.result', answer).catch((cause: unknown) => { this.user.onError(cause) })
  }
}
