/**
 * Counts the messages of a simulation, hop by hop, apart from each other by what they are for: those of a scenario's
 * look-ups and stores, from the requests of its user to the answers, and maintenance, which is all the rest, copies
 * and hand-overs included. Acknowledgements and keep-alives of links are frames without a message: `keepAlives`.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { readU16, readU64 } from '../../../src-main/base/bytes.ts'
import { messageName } from '../../../src-main/reload/wire/constants.ts'

const ACK = 129
/** The first byte of a message; a frame's header is written before it. */
const MESSAGE = 0xd2
const HEADER = 38
const FETCHES: ReadonlySet<number> = new Set([0x09, 0x0a])

export class Traffic {
  messages = 0
  maintenance = 0
  acknowledgements = 0
  /** Of maintenance, by the code of the message. */
  readonly byCode = new Map<string, number>()
  private readonly forUsers = new Set<bigint>()
  private readonly user = new AsyncLocalStorage<true>()

  /** What `work` asks for is a user's, also after it has waited and when it goes on behind his back. */
  ofUser<T>(work: () => T): T { return this.user.run(true, work) }

  /** Takes what a link writes: an acknowledgement, or the header of a data frame and then its message. */
  count(bytes: Uint8Array): void {
    if (bytes[0] === ACK) this.acknowledgements++
    if (bytes[0] !== MESSAGE) return
    this.messages++
    if (this.user.getStore() === true) this.forUsers.add(readU64(bytes, 20))
    const code = readU16(bytes, HEADER + readU16(bytes, 32) + readU16(bytes, 34) + readU16(bytes, 36))
    // Only users fetch, also when they try again by other ways.
    if (FETCHES.has(code) || (this.forUsers.size > 0 && this.forUsers.has(readU64(bytes, 20)))) return
    this.maintenance++
    const name = messageName(code) ?? 'unknown'
    this.byCode.set(name, (this.byCode.get(name) ?? 0) + 1)
  }
}
