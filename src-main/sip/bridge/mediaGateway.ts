/**
 * The sound of proxied calls between a phone without DTLS-SRTP and the overlay: for each request that a proxy forwards
 * it decides whether a bridge is needed, and puts the bridge's descriptions in the place of those that pass (RFC 3264
 * in INVITE, UPDATE, PRACK, their responses and ACK). The proxy stays a proxy: only bodies change. Owns the bridges.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { DecodeError, PeerError } from '../../base/errors.ts'
import type { Log } from '../../ports/log.ts'
import { type SdpSecurity, sdpSecurity } from '../../sdp/sdp.ts'
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts'
import { printUri } from '../message/uri.ts'
import type { HostPort } from '../transport/address.ts'
import type { Connection } from '../transport/connection.ts'
import type { BridgeSide, OpenSdpBridge, SdpBridge } from './sdpBridge.ts'

export interface MediaGatewayDeps {
  readonly log: Log
  readonly open: OpenSdpBridge
  /** The address of ours that the other side of a connection can reach. */
  addressOn(connection: Connection): HostPort
  /** Leads inside this element, to its own user agent. */
  isInward(connection: Connection): boolean
}

/** What becomes of one forwarded request. */
export interface BridgedRequest {
  /** Rewrites a response on its way back, in place. @throws DecodeError and has done nothing */
  onResponse(response: SipResponse): void
  /** No response will come. */
  onFailed(): void
  /** Its description was refused (488): the request with another one. undefined when there is none, as after the first time. */
  again?(): SipRequest | undefined
}

const SDP = 'application/sdp'
const MAX_BRIDGES = 200
const MAX_PHONES = 1000

interface BridgedCall {
  readonly bridge: SdpBridge
  /** Dialogs by Call-ID and both tags: several where a next hop forks. */
  readonly keys: Set<string>
  established: boolean
  /** A response carried an offer: PRACK or ACK brings the answer. */
  offered: BridgeSide | undefined
}

export class MediaGateway {
  private readonly calls = new Map<string, BridgedCall>()
  private readonly all = new Set<BridgedCall>()
  /** How phones, by contact, spoke in their last call: they are offered the same, which others would refuse. */
  private readonly spoke = new BoundedMap<string, SdpSecurity>(MAX_PHONES)

  constructor(private readonly deps: MediaGatewayDeps) {}

  /** Bridges that are open. */
  get size(): number { return this.all.size }

  /** Has the gateway a part in this request? If not, `forward` does nothing. @throws DecodeError */
  concerns(request: SipRequest, from: Connection, to: Connection): boolean {
    if (this.find(request) !== undefined) return true
    const side = this.sideOf(from)
    if (request.method !== 'INVITE') return false
    if (side === 'phone' && hasSdp(request)) return true // to learn from
    return request.toTag === undefined && side !== this.sideOf(to) && this.needed(request, side)
  }

  /**
   * A request is about to be sent from one connection's side to the other's; its body is rewritten in place.
   * @returns undefined when the gateway has no part in it
   * @throws PeerError 'call-no-common-codec', 'call-media-failed', 'too-many-requests'; DecodeError
   */
  async forward(request: SipRequest, from: Connection, to: Connection): Promise<BridgedRequest | undefined> {
    const known = this.find(request)
    const side = this.sideOf(from)
    if (side === 'phone' && request.method === 'INVITE' && hasSdp(request)) this.learn(contactOf(request), request.text)
    if (known === undefined) {
      if (request.method !== 'INVITE' || request.toTag !== undefined || side === this.sideOf(to) || !this.needed(request, side)) return undefined
      return this.begin(request, side, side === 'phone' ? from : to)
    }
    if (request.method === 'BYE') { this.end(known); return undefined }
    return this.pass(known, request, side, false)
  }

  /** The ACK of a 2xx, rewritten in place. */
  ack(request: SipRequest): void {
    const call = this.find(request)
    if (call?.offered === undefined || !hasSdp(request)) return
    call.offered = undefined
    this.rewrite(request, () => call.bridge.answer(request.text))
  }

  close(): void { for (const call of [...this.all]) this.end(call) }

  private async begin(request: SipRequest, side: BridgeSide, phone: Connection): Promise<BridgedRequest> {
    if (this.all.size >= MAX_BRIDGES) throw new PeerError('too-many-requests', 'no more bridges')
    const slot: { call?: BridgedCall } = {}
    const bridge = await this.deps.open({ local: this.deps.addressOn(phone).host, phone: phone.remote, onIdle: () => { if (slot.call !== undefined) this.end(slot.call) } })
    const call: BridgedCall = { bridge, keys: new Set(), established: false, offered: undefined }
    slot.call = call
    this.all.add(call)
    try {
      // where nobody reads the keys on the way they are offered at once
      return this.pass(call, request, side, side === 'overlay' && phone.transport === 'TLS') ?? { onResponse: () => {}, onFailed: () => {} }
    } catch (cause) {
      this.end(call)
      throw cause
    }
  }

  private pass(call: BridgedCall, request: SipRequest, side: BridgeSide, secret: boolean): BridgedRequest | undefined {
    const carries = hasSdp(request)
    const answers = carries && call.offered !== undefined && request.method === 'PRACK'
    const first = request.toTag === undefined
    const toPhone = first && side === 'overlay' ? request.requestUri : undefined
    const sdes = toPhone === undefined ? undefined : secret || this.spoke.get(toPhone) === 'sdes'
    const { text: offer } = request
    if (carries) {
      request.setBody(SDP, answers ? call.bridge.answer(offer) : call.bridge.offer(offer, side, sdes))
      if (answers) call.offered = undefined
    }
    if (request.method !== 'INVITE' && !carries) return undefined
    const offersSdp = carries && !answers
    let refusable = sdes === undefined || !offersSdp ? undefined : request.clone()
    return {
      again: () => {
        // sips: promises that nothing goes in the clear
        const another = call.established || (sdes === true && request.requestUri.startsWith('sips:')) ? undefined : refusable
        refusable = undefined
        return another?.setBody(SDP, call.bridge.offer(offer, side, sdes !== true))
      },
      onResponse: (response) => {
        if (response.status >= 300) { this.failed(call, first, offersSdp); return }
        const described = hasSdp(response) // throws before the call counts as answered
        if (response.status > 100 && first) this.note(call, response)
        if (response.successful) call.established = true
        if (!described) return
        const { text } = response
        if (toPhone !== undefined && offersSdp && response.successful) this.learn(toPhone, text)
        this.rewrite(response, () => {
          if (offersSdp) return call.bridge.answer(text)
          call.offered = other(side)
          return call.bridge.offer(text, other(side))
        })
      },
      onFailed: () => { this.failed(call, first, offersSdp) },
    }
  }

  private failed(call: BridgedCall, first: boolean, offersSdp: boolean): void {
    if (first && !call.established) this.end(call)
    else if (offersSdp) call.bridge.refused()
  }

  /** What cannot be rewritten goes on without a description: whoever waits for one ends the call. */
  private rewrite(message: SipMessage, make: () => string): void {
    try {
      message.setBody(SDP, make())
    } catch (cause) {
      if (!(cause instanceof PeerError || cause instanceof DecodeError)) throw cause
      this.deps.log.warn('gateway.refused', { cause: cause.message })
      message.headers.remove('Content-Type')
      message.body = new Uint8Array(0)
    }
  }

  /** A phone that speaks ICE and DTLS-SRTP needs nobody in the middle. @throws DecodeError */
  private needed(request: SipRequest, side: BridgeSide): boolean {
    if (side === 'overlay') return this.spoke.get(request.requestUri) !== 'dtls-srtp'
    return !hasSdp(request) || sdpSecurity(request.text) !== 'dtls-srtp'
  }

  private learn(contact: string | undefined, sdp: string): void {
    if (contact !== undefined) this.spoke.set(contact, sdpSecurity(sdp))
  }

  private note(call: BridgedCall, response: SipResponse): void {
    if (response.toTag === undefined || call.keys.size >= 16) return
    const key = keyOf(response)
    call.keys.add(key)
    this.calls.set(key, call)
  }

  private find(request: SipRequest): BridgedCall | undefined { return request.toTag === undefined ? undefined : this.calls.get(keyOf(request)) }

  private end(call: BridgedCall): void {
    this.all.delete(call)
    for (const key of call.keys) if (this.calls.get(key) === call) this.calls.delete(key)
    call.bridge.close()
  }

  /** Phones on WebSockets are browsers: they speak ICE and DTLS-SRTP as the overlay does, and nothing else (RFC 8827 §6.5). */
  private sideOf(connection: Connection): BridgeSide {
    const { peerIdentity, transport } = connection
    return peerIdentity !== undefined || transport === 'WS' || transport === 'WSS' || this.deps.isInward(connection) ? 'overlay' : 'phone'
  }
}

function hasSdp(message: SipMessage): boolean { return message.body.length > 0 && message.contentType?.value === SDP }
function other(side: BridgeSide): BridgeSide { return side === 'phone' ? 'overlay' : 'phone' }

function contactOf(request: SipRequest): string | undefined {
  const { contacts } = request
  return contacts === '*' || contacts[0] === undefined ? undefined : printUri(contacts[0].uri)
}

/** The same for both directions of a dialog. */
function keyOf(message: SipMessage): string {
  return [message.callId, ...[message.fromTag ?? '', message.toTag ?? ''].sort()].join(' ')
}
