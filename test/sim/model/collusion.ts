/**
 * Peers that collude against look-ups (RFC 6940 §13.5, §13.6), by what they do to their own node from outside:
 * its store and its streams are wrapped, the node itself is the product's. Until `misconduct` is set they behave.
 *  - withhold: each answers as if nothing were stored with it
 *  - drop:     requests of look-ups that others should get from it vanish
 *  - usurp:    it answers such requests itself, as if it were responsible, and withholds
 */
import { fromHex, toHex } from '../../../src-main/base/bytes.ts'
import type { SecureStream, SecureStreamUser } from '../../../src-main/ports/secureStream.ts'
import { encodeAck, encodeData, FrameDecoder } from '../../../src-main/reload/link/framing.ts'
import type { LinkFactory } from '../../../src-main/reload/link/linkFactory.ts'
import type { ResourceStore } from '../../../src-main/reload/storage/resourceStore.ts'
import { MessageCode } from '../../../src-main/reload/wire/constants.ts'
import { HeaderView, rewriteHeader } from '../../../src-main/reload/wire/forwardingHeader.ts'

export const misconducts = ['withhold', 'drop', 'usurp'] as const
export type Misconduct = (typeof misconducts)[number]

const MAX_MESSAGE_BYTES = 1_000_000
const lookUpCodes: ReadonlySet<number> = new Set([MessageCode.fetchReq, MessageCode.statReq, MessageCode.findReq, MessageCode.pingReq])

export class Collusion {
  misconduct: Misconduct | undefined
  private readonly ids = new Set<string>()

  has(nodeId: Uint8Array): boolean { return this.ids.has(toHex(nodeId)) }
  get size(): number { return this.ids.size }

  /** Takes a node in. @param owns whether the node is really responsible for an id */
  recruit(nodeId: Uint8Array, store: ResourceStore, owns: (id: Uint8Array) => boolean): { readonly store: ResourceStore; readonly wrap: (factory: LinkFactory) => LinkFactory } {
    this.ids.add(toHex(nodeId))
    const hides = (): boolean => this.misconduct === 'withhold' || this.misconduct === 'usurp'
    return {
      store: {
        transact: (work) => store.transact(work),
        read: (resourceId, kind) => (hides() ? undefined : store.read(resourceId, kind)),
        replace: (resourceId, kind, area) => { store.replace(resourceId, kind, area) },
        areas: (resourceId) => (hides() ? [] : store.areas(resourceId)),
        expired: (atMs) => (hides() ? [] : store.expired(atMs)),
        usage: () => (hides() ? [] : store.usage()),
      },
      wrap: (factory) => this.wrap(factory, (message) => this.bend(message, nodeId, owns)),
    }
  }

  /** What the node is given instead of a message. */
  private bend(message: Uint8Array, nodeId: Uint8Array, owns: (id: Uint8Array) => boolean): Uint8Array {
    if (this.misconduct === undefined || this.misconduct === 'withhold') return message
    const view = new HeaderView(message)
    const [first] = view.destinationList()
    const { body } = view
    const code = ((body[0] ?? 0) << 8) | (body[1] ?? 0)
    if (!view.isWhole || first === undefined || !lookUpCodes.has(code)) return message
    const own = first.type === 'resource' ? owns(first.resourceId) : first.type === 'node' && toHex(first.nodeId) === toHex(nodeId)
    if (own) return message
    if (this.misconduct === 'usurp') return rewriteHeader(message, { destinationList: [{ type: 'node', nodeId }] })
    const spoilt = message.slice()
    spoilt.set(fromHex('00000000'))
    return spoilt
  }

  private wrap(factory: LinkFactory, bend: (message: Uint8Array) => Uint8Array): LinkFactory {
    const wrapped = new WeakMap<SecureStream, SecureStream>()
    const of = (stream: SecureStream): SecureStream => {
      const made = wrapped.get(stream) ?? new BentStream(stream, bend)
      wrapped.set(stream, made)
      return made
    }
    return {
      listen: (user) => factory.listen({ onStream: (stream, initiatedByUs) => { user.onStream(of(stream), initiatedByUs) }, onRefused: (reason) => { user.onRefused(reason) } }),
      negotiate: (role) => factory.negotiate(role),
      dial: async (address, accept, signal) => of(await factory.dial(address, accept, signal)),
      close: () => factory.close(),
    }
  }
}

/** A stream of frames whose messages are not what came. */
class BentStream implements SecureStream {
  private readonly decoder = new FrameDecoder({ maxMessageBytes: MAX_MESSAGE_BYTES })
  private own: SecureStreamUser | undefined

  constructor(private readonly stream: SecureStream, private readonly bend: (message: Uint8Array) => Uint8Array) {}

  get peerCertificate(): SecureStream['peerCertificate'] { return this.stream.peerCertificate }
  get local(): SecureStream['local'] { return this.stream.local }
  get remote(): SecureStream['remote'] { return this.stream.remote }
  get user(): SecureStreamUser | undefined { return this.own }
  set user(user: SecureStreamUser | undefined) {
    this.own = user
    this.stream.user = user === undefined ? undefined : {
      onData: (bytes) => {
        for (const frame of this.decoder.push(bytes)) {
          user.onData(frame.type === 'ack' ? encodeAck(frame.ackSequence, frame.received) : encodeData(frame.sequence, this.bend(frame.message)))
        }
      },
      onDrain: () => { user.onDrain() },
      onClose: (cause) => { user.onClose(cause) },
    }
  }

  write(bytes: Uint8Array): boolean { return this.stream.write(bytes) }
  close(): void { this.stream.close() }
  destroy(): void { this.stream.destroy() }
}
