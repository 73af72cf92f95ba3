/** Bringing an enrolled peer onto the network and taking it off again, each in an order that others notice nothing bad of. */
import { sleep } from '../base/abort.ts'
import type { Clock } from '../ports/clock.ts'
import type { Peer } from './createPeer.ts'

/** Time for what was written last (NOTIFY, BYE) to leave the sockets before they close. */
const flushMs = 100
const unregisterMs = 1000

/** @throws PeerError 'port-in-use' */
export async function startPeer(peer: Peer): Promise<void> {
  let up = false
  peer.overlay.onStatus(({ phase }) => {
    const isUp = phase === 'joined' || phase === 'alone'
    if (isUp && !up) { peer.phone.noteOnline(); peer.copies.wake() }
    up = isUp
  })
  await peer.phones.start()
  await peer.overlay.start()
  peer.phone.start()
  peer.registration.start()
}

/** Says good-bye to people, then to the overlay. */
export async function stopPeer(peer: Peer, clock: Clock): Promise<void> {
  peer.copies.stop()
  peer.phone.stop()
  await sleep(clock, flushMs, new AbortController().signal)
  await Promise.all([peer.registration.stop(unregisterMs), peer.redir.stop(unregisterMs)])
  await peer.sip.close()
  peer.phones.close()
  peer.transport.close()
  await peer.overlay.stop()
}
