/**
 * What a node on the way looks at in diagnostic messages (RFC 7851 §6.2): whether a message is one, and when it
 * expires. Everything else that is forwarded stays closed; here it takes one look at the message code.
 */
import { ByteReader } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { ExtensionType, MessageCode } from '../wire/constants.ts'
import { destination } from '../wire/destination.ts'
import type { HeaderView } from '../wire/forwardingHeader.ts'

export interface DiagnosticMessage {
  /** ms since 1970 */
  readonly expiration: bigint
}

/** Shorter than the smallest of them. */
const SHORTEST = 10

/**
 * A Ping with the Diagnostic_Ping extension, a PathTrack or its answer; undefined for every other message, for parts of
 * one, and for what does not parse: that is its destination's to judge.
 */
export function diagnosticMessage(view: HeaderView): DiagnosticMessage | undefined {
  const { bytes, headerLength: at } = view
  if (bytes.length < at + SHORTEST || bytes[at] !== 0) return undefined
  const code = bytes[at + 1]
  if ((code !== MessageCode.pingReq && code !== MessageCode.pathTrackReq && code !== MessageCode.pathTrackAns) || !view.isWhole) return undefined
  try {
    const r = new ByteReader(bytes, at + 2)
    const messageBody = r.sub(r.u32())
    if (code === MessageCode.pingReq) return pingDiagnostic(r.sub(r.u32()))
    destination.read(messageBody)
    return { expiration: messageBody.u64() }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function pingDiagnostic(extensions: ByteReader): DiagnosticMessage | undefined {
  while (extensions.remaining > 0) {
    const type = extensions.u16()
    extensions.u8()
    const contents = extensions.sub(extensions.u32())
    if (type === ExtensionType.diagnosticPing) return { expiration: contents.u64() }
  }
  return undefined
}
