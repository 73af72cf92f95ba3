/** `ringway send URI TEXT` */
import type { MessageView } from '@shared/model/index.ts'
import { PeerError } from '../../base/errors.ts'
import { isErrorCode } from '@shared/errorCodes.ts'
import type { Context } from '../context.ts'
import { connectRunning } from '../profile.ts'
import { explain } from '../words.ts'

/** Waits until the message is delivered or has failed; a message still queued after `--wait` seconds stays in the outbox. */
export async function send({ profile, output }: Context, uri: string, text: string, options: { wait?: number }): Promise<number> {
  const client = await connectRunning(profile)
  try {
    const latest = new Map<string, MessageView>()
    const wanted: { id?: string; settle?: (message: MessageView) => void } = {}
    client.on('state', ({ changes }) => {
      for (const { topic, value } of changes) {
        if (topic !== 'messages') continue
        const message = value as MessageView
        latest.set(message.id, message)
        if (message.id === wanted.id && (message.state === 'delivered' || message.state === 'failed')) wanted.settle?.(message)
      }
    })
    const sent = await client.call('messages.send', { uri, text })
    const done = await new Promise<MessageView>((settle) => {
      wanted.id = sent.id
      wanted.settle = settle
      const now = latest.get(sent.id) ?? sent
      if (now.state === 'delivered' || now.state === 'failed') settle(now)
      setTimeout(() => { settle(latest.get(sent.id) ?? sent) }, (options.wait ?? 30) * 1000).unref()
    })
    const why = isErrorCode(done.error) ? explain(done.error) : ''
    output.print(done.state === 'delivered' ? `Delivered to ${done.aor}.` : done.state === 'failed' ? 'Not delivered.' : `Waiting until they can be reached. ${why}`, done)
    if (done.state === 'failed') throw new PeerError(isErrorCode(done.error) ? done.error : 'internal', `the message to ${done.aor} was not delivered`)
    return 0
  } finally {
    client.close()
  }
}
