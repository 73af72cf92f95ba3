/** A `Network` of datagrams in memory, in virtual time: hosts by address. Streams are refused, so that only UDP is there. */
import { PeerError } from '../../src-main/base/errors.ts'
import type { Clock } from '../../src-main/ports/clock.ts'
import type { DatagramSocket, Network, SocketAddress } from '../../src-main/ports/network.ts'

export class DatagramBus {
  private readonly sockets = new Map<string, DatagramSocket>()
  private nextPort = 20_000
  /** What was sent: from, to, text. */
  readonly sent: { readonly from: string; readonly to: string; readonly text: string }[] = []

  constructor(private readonly clock: Clock) {}

  host(host: string): Network {
    const bind = (address: SocketAddress): DatagramSocket => {
      const bound = { host: address.host, port: address.port === 0 ? this.nextPort++ : address.port }
      const socket: DatagramSocket = {
        address: bound, user: undefined,
        send: (bytes, to) => {
          this.sent.push({ from: key(bound), to: key(to), text: new TextDecoder().decode(bytes) })
          const copy = bytes.slice()
          this.clock.setTimer(1, () => { this.sockets.get(key(to))?.user?.onDatagram(copy, bound) })
        },
        close: () => { this.sockets.delete(key(bound)) },
      }
      this.sockets.set(key(bound), socket)
      return socket
    }
    return {
      bindDatagram: (address) => Promise.resolve(bind(address)),
      listenStream: (address) => Promise.resolve({ address: { host: address.host, port: address.port === 0 ? this.nextPort++ : address.port }, close: () => Promise.resolve() }),
      connectStream: (address) => Promise.reject(new PeerError('peer-unreachable', key(address))),
      sourceFor: () => Promise.resolve(host),
      localAddresses: () => [{ host, family: 4, internal: false }],
    }
  }
}

function key({ host, port }: SocketAddress): string { return `${host}:${port}` }
