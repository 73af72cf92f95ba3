/**
 * A response that has been sent and may have to be sent again (RFC 3261 §17.2): its text and body alone, since it is
 * kept for half a minute and nearly always for nothing. Reading it again costs a parse.
 */
import { EMPTY_BODY, type SipResponse } from './message.ts'
import { parseDatagram } from './parser.ts'
import { joinMessage } from './wire.ts'

export class StoredResponse {
  private readonly head: string
  private readonly body: Uint8Array

  constructor(response: SipResponse) {
    this.head = response.head
    this.body = response.body.length === 0 ? EMPTY_BODY : response.body
  }

  read(): SipResponse {
    return parseDatagram(joinMessage(this.head, this.body)) as SipResponse
  }
}
