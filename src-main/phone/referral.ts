/** A transfer that the other side asks of us (RFC 3515 §2.4.5): reports each step of the new call, and shows it on the old one. */
import type { CallView } from '@shared/model/index.ts'
import type { Event } from '../base/event.ts'
import type { IncomingRefer } from '../sip/ua/userAgent.ts'
import type { Call } from './call.ts'
import { statusOfEnd } from './callEnd.ts'

/** @param id the new call, whose steps `onChanged` brings among those of all calls */
export function followTransfer(old: Call, target: string, refer: IncomingRefer, onChanged: Event<CallView>, id: string): void {
  const show = (state: NonNullable<CallView['transfer']>['state'], status: number | null = null): void => { old.setTransfer({ by: 'them', target, state, status }) }
  let rang = false
  show('calling')
  const stop = onChanged((view) => {
    if (view.id !== id) return
    if (view.state === 'ringing' && !rang) {
      rang = true
      refer.notify(180, 'Ringing')
      show('ringing')
    } else if (view.answeredAt !== null) {
      stop()
      refer.notify(200, 'OK')
      show('done', 200)
    } else if (view.state === 'ended') {
      stop()
      const status = statusOfEnd(view.end ?? 'call-failed')
      refer.notify(status, view.end ?? 'failed')
      show('failed', status)
    }
  })
}
