/** Finds who uses a dialog (RFC 3261 §12.2.2, RFC 5057: one usage for each dialog). */
import type { SipRequest } from '../message/message.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import { type Dialog, dialogKey } from './dialog.ts'

export interface DialogUsage {
  onRequest(request: SipRequest, transaction: ServerTransaction): void
  /** ACK for a 2xx. */
  onAck(request: SipRequest): void
  onConnectionClosed(connection: Connection): void
  /** Ends in order, as the user agent closes. */
  close(): void
}

export class DialogTable {
  private readonly usages = new Map<string, DialogUsage>()
  /** Usages whose remote tag is not known yet, by Call-ID and local tag (RFC 6665 §4.4.1). */
  private readonly halves = new Map<string, DialogUsage>()

  get size(): number { return this.usages.size + this.halves.size }

  add(dialog: Dialog, usage: DialogUsage): void { this.usages.set(dialog.key, usage) }
  remove(dialog: Dialog): void { this.usages.delete(dialog.key) }
  addHalf(callId: string, localTag: string, usage: DialogUsage): void { this.halves.set(`${callId} ${localTag}`, usage) }
  removeHalf(callId: string, localTag: string): void { this.halves.delete(`${callId} ${localTag}`) }

  /** The usage that a request inside a dialog belongs to. @throws DecodeError */
  find(request: SipRequest): DialogUsage | undefined {
    const localTag = request.toTag ?? ''
    return this.usages.get(dialogKey(request.callId, localTag, request.fromTag ?? '')) ?? this.halves.get(`${request.callId} ${localTag}`)
  }

  /** Everybody, once. */
  all(): Set<DialogUsage> { return new Set([...this.usages.values(), ...this.halves.values()]) }
}
