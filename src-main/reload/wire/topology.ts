/**
 * Bodies of the topology methods (RFC 6940 §6.4.2) and what CHORD-RELOAD puts into them (§10.7 to §10.9).
 * UpdateReq is defined by the topology plug-in: here it is Chord's.
 */
import {
  boolean, empty, enumeration, len8, len16, opaque, select, sequence, struct, tlv, u8, u32, vector, type Infer,
} from '../../base/presentation.ts'
import { destination } from './destination.ts'
import { nodeId } from './identifiers.ts'

/** §6.4.2.1; `overlaySpecificData` is empty with CHORD-RELOAD. */
export const joinReq = struct({ joiningPeerId: nodeId, overlaySpecificData: opaque(len16) })
export const joinAns = struct({ overlaySpecificData: opaque(len16) })
export type JoinReq = Infer<typeof joinReq>
export type JoinAns = Infer<typeof joinAns>

/** §6.4.2.2; with CHORD-RELOAD the data is ChordLeaveData. */
export const leaveReq = struct({ leavingPeerId: nodeId, overlaySpecificData: opaque(len16) })
export type LeaveReq = Infer<typeof leaveReq>

/** §10.9: the successors of the leaving peer, sent to its predecessors, or the other way round. */
export const chordLeaveData = select('type', enumeration(u8, { from_succ: 1, from_pred: 2 }), {
  from_succ: struct({ successors: vector(len16, nodeId) }),
  from_pred: struct({ predecessors: vector(len16, nodeId) }),
})
export type ChordLeaveData = Infer<typeof chordLeaveData>

/** §10.7: `uptime` in seconds. */
export const chordUpdate = sequence(struct({ uptime: u32 }), select('type', enumeration(u8, { peer_ready: 1, neighbors: 2, full: 3 }), {
  peer_ready: empty,
  neighbors: struct({ predecessors: vector(len16, nodeId), successors: vector(len16, nodeId) }),
  full: struct({ predecessors: vector(len16, nodeId), successors: vector(len16, nodeId), fingers: vector(len16, nodeId) }),
}))
export type ChordUpdate = Infer<typeof chordUpdate>

/** §6.4.2.4. */
export const routeQueryReq = struct({ sendUpdate: boolean, destination, overlaySpecificData: opaque(len16) })
/** §10.8. */
export const chordRouteQueryAns = struct({ nextPeer: nodeId })
export type RouteQueryReq = Infer<typeof routeQueryReq>
export type ChordRouteQueryAns = Infer<typeof chordRouteQueryAns>

/** §6.4.2.5: types asked for, as numbers since unknown ones are to be passed over. */
export const ProbeInformationType = { responsible_set: 1, num_resources: 2, uptime: 3 } as const
export const probeReq = struct({ requestedInfo: vector(len8, u8) })
/** responsible_set in parts per billion, uptime in seconds. */
export const probeInformation = tlv(len8, ProbeInformationType, {
  responsible_set: struct({ responsiblePpb: u32 }),
  num_resources: struct({ numResources: u32 }),
  uptime: struct({ uptime: u32 }),
})
export const probeAns = struct({ probeInfo: vector(len16, probeInformation) })
export type ProbeReq = Infer<typeof probeReq>
export type ProbeAns = Infer<typeof probeAns>
