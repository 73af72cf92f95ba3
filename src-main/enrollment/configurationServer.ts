/**
 * Where an overlay's document is when its name is all that is known (RFC 6940 §11.2): the servers that DNS SRV
 * `_reload-config._tcp` names, else the host of that name. Asked for the overlay's own URL either way.
 */
import { PeerError } from '../base/errors.ts'
import { inServiceOrder } from '../base/serviceOrder.ts'
import type { Dns } from '../ports/dns.ts'
import type { Random } from '../ports/random.ts'
import type { SocketAddress } from '../ports/secureStream.ts'
import { documentPath } from './enrolmentPorts.ts'

/** A document's address, and where to connect to for it when that is not the host of the URL. */
export interface DocumentPlace { readonly url: string; readonly via?: SocketAddress }

const MAX_SERVERS = 4

/** In the order to be tried; never empty. @throws the signal's reason */
export async function configurationServers({ dns, random }: { readonly dns: Dns; readonly random: Random }, overlayName: string, signal: AbortSignal): Promise<readonly DocumentPlace[]> {
  const url = `https://${overlayName}${documentPath}`
  try {
    const servers = inServiceOrder(await dns.srv(`_reload-config._tcp.${overlayName}`, signal), random)
      .map(({ target, port }) => ({ host: target.replace(/\.$/, ''), port })).filter(({ host }) => host !== '').slice(0, MAX_SERVERS)
    return servers.length === 0 ? [{ url }] : servers.map((via) => ({ url, via }))
  } catch (cause) {
    signal.throwIfAborted()
    if (!(cause instanceof PeerError)) throw cause
    return [{ url }]
  }
}
