/** What a proxy checks before it forwards (RFC 3261 §16.3, RFC 5393), and the mark by which it knows its own Vias again. */
import { DecodeError } from '../../base/errors.ts'
import type { Seal } from '../auth/seal.ts'
import type { SipRequest } from '../message/message.ts'

export interface Refusal {
  readonly status: number
  readonly reason?: string
  readonly headers?: readonly (readonly [string, string])[]
}

/**
 * Second part of the branch parameter (RFC 5393 §4.2.1): varies with everything that decides where the request goes,
 * and with nothing else.
 */
export function loopMark(seal: Seal, request: SipRequest, used: readonly string[], caller: string): string {
  return seal.mark('loop', `${request.requestUri}\n${used.join('\n')}\n${request.headers.getLines('Route').join('\n')}\n${caller}\n${request.callId}\n${request.cseq.number}`)
}

/** RFC 5393 §4.2.2: one of the Vias is of us, and nothing has changed since. Vias that cannot be read are not ours. */
export function hasLooped(request: SipRequest, mark: string): boolean {
  return request.headers.getLines('Via').some((line) => line.includes(`.${mark}`))
}

/** §16.3 steps 1, 2, 3 and 5; the loop is looked for when the route has been read. */
export function inspectRequest(request: SipRequest): Refusal | undefined {
  try {
    const { uri, maxForwards } = request
    if (uri.kind !== 'sip') return { status: 416 }
    if (maxForwards === 0) return { status: 483 }
    const extensions = request.headers.getList('Proxy-Require')
    if (extensions.length > 0) return { status: 420, headers: [['Unsupported', extensions.join(', ')]] }
    void request.routes
    return undefined
  } catch (error) {
    if (error instanceof DecodeError) return { status: 400, reason: `Bad Request: ${error.message}` }
    throw error
  }
}
