/** Which structure is the body of which message code. */
import { decode, empty, encodeShared, type Codec, type Infer } from '../../base/presentation.ts'
import { appAttachReqAns, attachReqAns, configUpdateReq, pingAns, pingReq } from './connection.ts'
import { MessageCode } from './constants.ts'
import { pathTrackAns, pathTrackReq } from './extensions.ts'
import { errorResponse, type MessageContents, type MessageExtension } from './message.ts'
import { fetchAns, fetchReq, findAns, findReq, statAns, statReq, storeAns, storeReq } from './storage.ts'
import { chordRouteQueryAns, chordUpdate, joinAns, joinReq, leaveReq, probeAns, probeReq, routeQueryReq } from './topology.ts'

export const bodies = {
  probeReq, probeAns, attachReq: attachReqAns, attachAns: attachReqAns, storeReq, storeAns, fetchReq, fetchAns, findReq, findAns,
  joinReq, joinAns, leaveReq, leaveAns: empty, updateReq: chordUpdate, updateAns: empty, routeQueryReq, routeQueryAns: chordRouteQueryAns,
  pingReq, pingAns, statReq, statAns, appAttachReq: appAttachReqAns, appAttachAns: appAttachReqAns,
  configUpdateReq, configUpdateAns: empty, pathTrackReq, pathTrackAns, error: errorResponse,
} as const satisfies Record<keyof typeof MessageCode, unknown>

export type BodyName = keyof typeof bodies
export type BodyOf<N extends BodyName> = Infer<(typeof bodies)[N]>

function codecOf<N extends BodyName>(name: N): Codec<BodyOf<N>> { return bodies[name] as unknown as Codec<BodyOf<N>> }

/** Reads the body of a message whose code was looked at. @throws DecodeError, also when bytes are left over */
export function decodeBody<N extends BodyName>(name: N, messageBody: Uint8Array): BodyOf<N> { return decode(codecOf(name), messageBody, `the ${name}`) }

/** Contents of a message to be signed and sent. */
export function encodeContents<N extends BodyName>(name: N, body: BodyOf<N>, extensions: readonly MessageExtension[] = []): MessageContents {
  return { messageCode: MessageCode[name], messageBody: encodeShared(codecOf(name), body), extensions }
}
