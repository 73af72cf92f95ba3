import { z } from 'zod'

export const neighbourView = z.object({
  nodeId: z.string(),
  userName: z.string(),
  /** host:port */
  address: z.string(),
  relation: z.array(z.enum(['predecessor', 'successor', 'finger', 'client', 'link'])),
  rttMs: z.number().nullable(),
  /** this peer takes part in routing (an Update was received) */
  routable: z.boolean(),
})
export type NeighbourView = z.infer<typeof neighbourView>

/** The overlay peer of this installation. */
export const peerStatus = z.object({
  /** alone: joined, and the only peer known; offline: enrolled, but no peer of the overlay answers */
  phase: z.enum(['not-enrolled', 'stopped', 'starting', 'joining', 'joined', 'alone', 'offline']),
  /** while starting or joining: what is being done */
  step: z.enum(['listen', 'bootstrap', 'attach', 'join', 'register']).nullable(),
  /** host:port this peer listens on for RELOAD */
  listen: z.string().nullable(),
  /** estimate of the number of peers in the overlay, this one included */
  peers: z.number(),
  neighbours: z.array(neighbourView),
  roles: z.array(z.enum(['enrol', 'proxy', 'registrar', 'redirect', 'relay', 'gateway'])),
  registered: z.boolean(),
  /** host:port for SIP phones, where this peer serves them */
  sip: z.string().optional(),
  /** its port for SIP over TLS */
  sipTlsPort: z.number().optional(),
  /** host:port for SIP phones in browsers, by WebSocket */
  sipWebSocket: z.string().optional(),
  /** events since start by name: messages as 'sent.storeReq' and 'received.storeReq', errors as 'sent.Error_Forbidden' and 'received.Error_Not_Found', what was refused as 'dropped.unverified' */
  counters: z.record(z.string(), z.number()),
  /** why the phase is 'offline' or 'stopped': an error code, else null */
  problem: z.string().nullable(),
})
export type PeerStatus = z.infer<typeof peerStatus>
