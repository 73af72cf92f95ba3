/**
 * Message extensions and forwarding options of the later RFCs: diagnostics and PathTrack (RFC 7851), self-tuning
 * data (RFC 7363 §6.5), the extensive routing mode (RFC 7263 §5).
 */
import { enumeration, enclosed, len16, len32, len8, opaque, readAll, struct, u8, u16, u32, u64, vector, type Codec, type Infer } from '../../base/presentation.ts'
import { ipAddressPort } from './connection.ts'
import { destination } from './destination.ts'

/** RFC 7363 §6.5: rates are per 24 hours. */
export const selfTuningData = struct({ networkSize: u32, joinRate: u32, leaveRate: u32 })
export type SelfTuningData = Infer<typeof selfTuningData>

/** RFC 7263 §5.2.1 and RFC 7264: direct response or relay peer routing. */
export const extensiveRoutingModeOption = struct({
  routemode: enumeration(u8, { DRR: 1, RPR: 2 }), transport: u8, ipaddressport: ipAddressPort, destinations: vector(len8, destination),
})
export type ExtensiveRoutingModeOption = Infer<typeof extensiveRoutingModeOption>

/**
 * RFC 7851 §5.1 puts an `ext_length` in front of a list that has a length already: it counts the list's bytes, and
 * where it is zero the list's own length may be missing at the end of the structure.
 */
function extensionList<T>(element: Codec<T>): Codec<readonly T[]> {
  const list = vector(len32, element)
  return {
    read: (r) => {
      const length = r.u32()
      if (length === 0 && r.remaining === 0) return []
      const at = r.offset
      const inner = enclosed(r, len32)
      if (inner.remaining !== length) r.fail(`ext_length ${length} at ${at} is not the length of the list`)
      return readAll(inner, element)
    },
    write: (w, v) => {
      const at = w.offset
      w.u32(0)
      list.write(w, v)
      w.patchU32(at, w.offset - at - 8)
    },
  }
}

const requestedDiagnostic = struct({ kind: u16, diagnosticExtensionContents: opaque(len32) })
const reportedDiagnostic = struct({ kind: u16, diagnosticInfoContents: opaque(len16) })

/** RFC 7851 §5.1: times in milliseconds since 1970; bit 1 << kind of `dMFlags` asks for a kind. */
export const diagnosticsRequest = struct({
  expiration: u64, timestampInitiated: u64, dMFlags: u64, diagnosticExtensionsList: extensionList(requestedDiagnostic),
})
export type DiagnosticsRequest = Infer<typeof diagnosticsRequest>

/** RFC 7851 §5.2: `hopCounter` is the TTL as it was received. */
export const diagnosticsResponse = struct({
  expiration: u64, timestampInitiated: u64, timestampReceived: u64, hopCounter: u8, diagnosticInfoList: extensionList(reportedDiagnostic),
})
export type DiagnosticsResponse = Infer<typeof diagnosticsResponse>

/** RFC 7851 §5.3.1: one step of the walk towards `destination`. */
export const pathTrackReq = struct({ destination, request: diagnosticsRequest })
export const pathTrackAns = struct({ nextHop: destination, response: diagnosticsResponse })
export type PathTrackReq = Infer<typeof pathTrackReq>
export type PathTrackAns = Infer<typeof pathTrackAns>
