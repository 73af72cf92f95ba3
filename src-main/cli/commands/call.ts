/** `ringway call URI`: places a call with the headless engine and tells its states until it ends. */
import { resolve } from 'node:path'
import type { CallView } from '@shared/model/index.ts'
import { PeerError } from '../../base/errors.ts'
import { isErrorCode } from '@shared/errorCodes.ts'
import { deferred } from '../deferred.ts'
import type { Context } from '../context.ts'
import { connectRunning } from '../profile.ts'

export async function call(
  { profile, output }: Context, uri: string, options: { seconds?: number; play?: string; record?: string },
): Promise<number> {
  const client = await connectRunning(profile)
  try {
    const ended = deferred<CallView>()
    const placed: { id?: string } = {}
    let shown = ''
    let forwardedTo: string | undefined
    const seen = new Map<string, CallView>()
    const show = (view: CallView): void => {
      if (view.forwardedTo !== undefined && view.forwardedTo !== forwardedTo) {
        forwardedTo = view.forwardedTo
        output.print(`Forwarded to ${forwardedTo}`, { call: view.id, forwardedTo })
      }
      if (view.state !== shown) output.print(words(view), { call: view.id, state: view.state, aor: view.remote.aor, end: view.end, codec: view.codec, security: view.security })
      if (view.state === 'active' && shown !== 'active' && options.seconds !== undefined) {
        setTimeout(() => { client.call('call.hangup', { id: view.id }).catch(ended.reject) }, options.seconds * 1000)
      }
      if (view.state === 'ended' && view.movedTo !== undefined) output.print(`Calls are sent on to ${view.movedTo}`, { call: view.id, movedTo: view.movedTo })
      shown = view.state
      if (view.state === 'ended') ended.resolve(view)
    }
    client.on('state', ({ changes }) => {
      for (const { topic, id: key, value } of changes) {
        if (topic !== 'calls' || key === undefined || value === null) continue
        seen.set(key, value as CallView)
        if (key === placed.id) show(value as CallView)
      }
    })
    client.onClose = () => { ended.reject(new PeerError('peer-unreachable', 'the peer stopped')) }
    process.once('SIGINT', () => { if (placed.id !== undefined) client.call('call.hangup', { id: placed.id }).catch(ended.reject) })
    const { id } = await client.call('call.place', {
      uri,
      media: {
        engine: 'headless',
        ...(options.play !== undefined && { play: resolve(options.play) }),
        ...(options.record !== undefined && { record: resolve(options.record) }),
      },
    })
    placed.id = id
    const now = seen.get(id)
    if (now !== undefined) show(now)
    const last = await ended.promise
    if (last.end === 'hung-up' || last.end === 'remote-hung-up') return 0
    throw new PeerError(isErrorCode(last.end) ? last.end : 'call-failed', `the call ended: ${last.end ?? 'unknown'}`)
  } finally {
    client.onClose = undefined
    client.close()
  }
}

function words(view: CallView): string {
  switch (view.state) {
    case 'finding': return `Finding ${view.remote.aor}…`
    case 'calling': return 'Calling…'
    case 'ringing': return view.callWaiting === true ? 'Ringing; they are in another call…' : 'Ringing…'
    case 'incoming': return `${view.remote.aor} is calling`
    case 'connecting': return 'Connecting sound…'
    case 'active': return `Talking, ${view.codec || 'sound'} over ${view.security}`
    case 'ended': return `Ended: ${view.end ?? ''}`
  }
}
