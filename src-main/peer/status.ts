/** How a peer is, in the view that clients show. */
import type { NeighbourView, PeerStatus } from '@shared/model/index.ts'
import { toHex } from '../base/bytes.ts'
import type { SocketAddress } from '../ports/secureStream.ts'
import type { Neighbour } from '../reload/overlay/overlay.ts'
import type { Peer } from './createPeer.ts'

export const notEnrolled: PeerStatus = {
  phase: 'not-enrolled', step: null, listen: null, peers: 0, neighbours: [], roles: [], registered: false, counters: {}, problem: null,
}

/** @param host what the installation does beside the peer */
export function peerStatusOf(peer: Peer, host: { readonly enrols: boolean; readonly started: boolean }): PeerStatus {
  const { overlay, registration } = peer
  const { phase, step, listen, size } = overlay.status
  const isUp = phase === 'joined' || phase === 'alone'
  return {
    phase: phase === 'stopped' && host.started ? 'starting' : phase,
    step: step ?? (isUp && !registration.isRegistered ? 'register' : null),
    listen: listen === null ? null : printAddress(listen),
    peers: size, neighbours: overlay.neighbours().map(neighbourView), roles: [...(host.enrols ? ['enrol' as const] : []), ...peer.phones.roles],
    registered: registration.isRegistered, ...(peer.phones.server !== null && { sip: peer.phones.server, ...(peer.phones.tlsPort !== undefined && { sipTlsPort: peer.phones.tlsPort }), ...(peer.phones.webSocket !== undefined && { sipWebSocket: peer.phones.webSocket }) }), counters: { ...overlay.counters, ...sipCounters(peer) },
    problem: phase === 'offline' ? 'overlay-unreachable' : null,
  }
}

/** What came in over SIP and was not served; only what has happened. */
function sipCounters({ sip }: Peer): Record<string, number> {
  const { malformed, rejected, refusedConnections } = sip.transport.counters
  return Object.fromEntries(Object.entries({
    'sip.malformed': malformed, 'sip.rejected': rejected, 'sip.refused-connections': refusedConnections, 'sip.limited': sip.sources?.refused ?? 0,
  }).filter(([, count]) => count > 0))
}

export function neighbourView(neighbour: Neighbour): NeighbourView {
  return {
    nodeId: toHex(neighbour.nodeId), userName: neighbour.userName, address: printAddress(neighbour.remote),
    relation: [...neighbour.relation], rttMs: neighbour.rttMs, routable: neighbour.routable,
  }
}

function printAddress({ host, port }: SocketAddress): string { return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` }
