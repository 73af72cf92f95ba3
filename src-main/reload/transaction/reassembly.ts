/**
 * Joining the parts of messages for this node (RFC 6940 §6.7), by transaction ID. Owns the sets, their number, and the
 * 15 s after which an incomplete one is dropped.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { DecodeError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { HeaderView } from '../wire/forwardingHeader.ts'
import { FragmentSet, FragmentsTooLong, REASSEMBLY_TIMEOUT_MS } from '../wire/fragments.ts'

export type Reassembled =
  | { readonly whole: Uint8Array }
  /** The parts are longer than a message may be; here is the one with the message's beginning, if that has come. */
  | { readonly tooLong: Uint8Array | undefined }

interface Entry { readonly set: FragmentSet; readonly timer: Timer }

const MAX_SETS = 32

export class Reassembly {
  private readonly sets: BoundedMap<bigint, Entry>

  /**
   * @param maxMessageBytes read at each new set: a configuration may change it
   * @param onDropped a set was dropped: out of time or room, too long, or its parts contradict each other
   */
  constructor(private readonly clock: Clock, private readonly maxMessageBytes: () => number, private readonly onDropped: () => void) {
    this.sets = new BoundedMap(MAX_SETS, (_, { timer }) => { timer.cancel(); onDropped() })
  }

  /** Takes a part in; returns the whole message with the last of them. @throws DecodeError when its header cannot be read */
  add(fragment: Uint8Array): Reassembled | undefined {
    const { transactionId } = new HeaderView(fragment)
    const { set } = this.sets.get(transactionId) ?? this.begin(transactionId)
    try {
      const whole = set.add(fragment)
      if (whole === undefined) return undefined
      this.end(transactionId)
      return { whole }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.end(transactionId)
      this.onDropped()
      return error instanceof FragmentsTooLong ? { tooLong: set.first } : undefined
    }
  }

  close(): void { for (const id of [...this.sets.keys()]) this.end(id) }

  private begin(transactionId: bigint): Entry {
    const timer = this.clock.setTimer(REASSEMBLY_TIMEOUT_MS, () => {
      this.sets.delete(transactionId)
      this.onDropped()
    })
    const entry = { set: new FragmentSet(this.maxMessageBytes()), timer }
    this.sets.set(transactionId, entry)
    return entry
  }

  private end(transactionId: bigint): void {
    this.sets.get(transactionId)?.timer.cancel()
    this.sets.delete(transactionId)
  }
}
