/**
 * Forwarding (RFC 6940 §6.1, §6.2): header checks, destination rules, Via List, TTL, symmetric recursive
 * routing, compact IDs, fragments for links of datagrams. Works on the header in place and never decodes what stands
 * behind it; verifying and answering is the transaction layer's business.
 */
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { DecodeError } from '../../base/errors.ts'
import { ErrorCode, ForwardingOptionFlag, isRequest, MessageCode } from '../wire/constants.ts'
import { destinationText, sameDestination, toNode, type Destination } from '../wire/destination.ts'
import { headerProblem, HeaderView, rewriteHeader } from '../wire/forwardingHeader.ts'
import { fragmentMessage } from '../wire/fragments.ts'
import { DATA_FRAME_OVERHEAD } from '../wire/framing.ts'
import { isNoNode, isWildcard } from '../wire/identifiers.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CompactIds } from './compactIds.ts'
import { diagnosticMessage, type DiagnosticMessage } from './diagnosis.ts'
import type { MessageCounts } from './messageCounts.ts'
import type { TopologyPlugin } from './topologyPlugin.ts'

export interface RouterUser {
  /** A whole message for us. `destination` is the entry it reached us by. */
  onDeliver(message: Uint8Array, previousHop: Uint8Array, destination: Destination): void
  /** A part of a message for us (RFC 6940 §6.7). */
  onFragment(fragment: Uint8Array, previousHop: Uint8Array, destination: Destination): void
  /** A request, or an expired PathTrackAns, that goes no further: to be answered with this error. */
  onRejected(message: HeaderView, previousHop: Uint8Array, error: number, info: string): void
}

export interface RouterLinks {
  isConnected(nodeId: Uint8Array): boolean
  send(nodeId: Uint8Array, message: Uint8Array): boolean
  /** Bytes of one datagram on the path to this node; undefined for streams. */
  pathMtu(nodeId: Uint8Array): number | undefined
}

export interface RouterDependencies {
  readonly nodeId: Uint8Array
  readonly overlay: number
  readonly initialTtl: number
  readonly clock: Pick<Clock, 'now'>
  readonly topology: TopologyPlugin
  readonly links: RouterLinks
  readonly compactIds: Pick<CompactIds, 'of' | 'nodeOf'>
  /**
   * 'always': Via Lists get compact IDs. 'datagrams': only where a message is too long for the next link's datagrams:
   * elsewhere 16 bytes a hop are worth less than a list that tells the path, and that outlives a reconnect.
   */
  readonly compactVia: 'always' | 'datagrams'
  readonly counters: Counters
  /** By message code; absent: they are not counted. */
  readonly messages?: MessageCounts
  /**
   * Whether a peer breaks the rules of routing by giving us a message for `id`: it knows a nearer one. Absent: nobody is suspected.
   * @param before the nodes of the Via List, to whom a message need not go back
   */
  readonly misroutes?: (previousHop: Uint8Array, id: Uint8Array, before: readonly Uint8Array[]) => boolean
}

/** Room in a fragment for the Via List to grow (RFC 6940 §6.7). */
const ROOM_TO_GROW = 32

/** Longer lists are of no use with a TTL of 100 and cost work at each hop. */
const MAX_LIST = 128
/** Nearly all lists; their entries are compared with each other. */
const SHORT_LIST = 16

type Decision =
  | { readonly step: 'deliver'; readonly destination: Destination }
  | { readonly step: 'forward'; readonly to: Uint8Array; readonly list: readonly Destination[] }
  | { readonly step: 'drop'; readonly why: string }
  | { readonly step: 'reject'; readonly error: number; readonly info: string }

export class Router {
  constructor(private readonly deps: RouterDependencies, private readonly user: RouterUser) {}

  /**
   * Whatever came over the link to `previousHop`. Never throws for what is in it.
   * @param attached false for a node of several Node-IDs that has not attached: only its own Ping and Attach are taken
   */
  receive(bytes: Uint8Array, previousHop: Uint8Array, attached = true): void {
    this.deps.counters.add('received.messages')
    this.deps.counters.add('received.bytes', bytes.length)
    try {
      const view = new HeaderView(bytes)
      this.deps.messages?.received(bytes)
      if (attached || isBeforeAttach(view)) { this.route(view, previousHop); return }
      this.drop('unattached')
      this.reject(view, previousHop, ErrorCode.forbidden, 'a node of several Node-IDs attaches first')
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.drop('malformed')
    }
  }

  /**
   * Sends a message of our own, with its header complete. False when there is nobody to send it to.
   * @param through a connected node that takes it whatever the routing table says
   */
  originate(bytes: Uint8Array, through?: Uint8Array): boolean {
    const view = new HeaderView(bytes)
    if (through !== undefined) return this.transmit(through, bytes)
    const list = view.destinationList()
    const decision = this.decide(list)
    switch (decision.step) {
      case 'deliver':
        this.deliver(view, this.deps.nodeId, decision.destination)
        return true
      case 'forward':
        // A list that begins with ourselves, or with a compact ID of ours, is another one when it leaves.
        return this.transmit(decision.to, decision.list === list ? bytes : rewriteHeader(bytes, { destinationList: decision.list }))
      case 'drop': case 'reject':
        this.drop('noRoute')
        return false
    }
  }

  private route(view: HeaderView, previousHop: Uint8Array): void {
    switch (headerProblem(view, this.deps)) {
      case 'wrong-overlay': case 'wrong-version':
        this.drop('otherOverlay')
        this.reject(view, previousHop, ErrorCode.incompatibleWithOverlay, 'another overlay or version')
        return
      case 'ttl-too-high':
        this.drop('ttl')
        this.reject(view, previousHop, ErrorCode.ttlExceeded, 'TTL above initial-ttl')
        return
      case undefined:
    }
    const list = view.destinationList()
    if (list.length > MAX_LIST || hasDuplicate(list)) {
      this.drop('destinationList')
      this.reject(view, previousHop, ErrorCode.invalidMessage, 'duplicate entries in the Destination List')
      return
    }
    if (list.some((entry) => entry.type === 'node' && isNoNode(entry.nodeId))) {
      this.drop('destinationList')
      this.reject(view, previousHop, ErrorCode.invalidMessage, 'the Node-ID of zeroes is nobody’s')
      return
    }
    const decision = this.decide(list, previousHop)
    switch (decision.step) {
      case 'deliver':
        this.deliver(view, previousHop, decision.destination)
        return
      case 'drop':
        this.drop(decision.why)
        return
      case 'reject':
        this.drop('noRoute')
        this.reject(view, previousHop, decision.error, decision.info)
        return
      case 'forward':
        this.forward(view, previousHop, decision.to, decision.list)
    }
  }

  /** RFC 6940 §6.1.1 to §6.1.3. */
  private decide(given: readonly Destination[], from?: Uint8Array): Decision {
    const { topology, links, nodeId } = this.deps
    let list = given
    for (;;) {
      const head = list[0]
      if (head === undefined) return { step: 'drop', why: 'destinationList' }
      switch (head.type) {
        case 'node': {
          if (isWildcard(head.nodeId)) return { step: 'deliver', destination: head }
          if (equalBytes(head.nodeId, nodeId)) {
            if (list.length === 1) return { step: 'deliver', destination: head }
            list = list.slice(1)
            continue
          }
          if (links.isConnected(head.nodeId)) return { step: 'forward', to: head.nodeId, list }
          // A node in our range that we are not connected to does not exist (RFC 6940 §6.1.1).
          if (topology.isResponsible(head.nodeId)) return { step: 'drop', why: 'notThere' }
          const hop = topology.nextHop(head.nodeId, from)
          return hop === undefined ? noRoute(head) : { step: 'forward', to: hop, list }
        }
        case 'resource': {
          if (topology.isResponsible(head.resourceId)) return list.length === 1 ? { step: 'deliver', destination: head } : { step: 'drop', why: 'destinationList' }
          const hop = topology.nextHop(head.resourceId, from)
          return hop === undefined ? noRoute(head) : { step: 'forward', to: hop, list }
        }
        case 'opaque_id_type': case 'compact': case 'unknown': {
          // The connection that it stood for may have gone since (RFC 6940 §6.3.2.2).
          const id = compactId(head)
          const node = id === undefined ? undefined : this.deps.compactIds.nodeOf(id)
          if (node === undefined) return { step: 'drop', why: 'opaqueId' }
          list = [toNode(node), ...list.slice(1)]
        }
      }
    }
  }

  private deliver(view: HeaderView, previousHop: Uint8Array, destination: Destination): void {
    this.deps.counters.add('received.forUs')
    if (view.isWhole) this.user.onDeliver(view.bytes, previousHop, destination)
    else this.user.onFragment(view.bytes, previousHop, destination)
  }

  private forward(view: HeaderView, previousHop: Uint8Array, to: Uint8Array, list: readonly Destination[]): void {
    const diagnostic = diagnosticMessage(view)
    if (view.ttl === 0) {
      this.drop('ttl')
      this.reject(view, previousHop, diagnostic === undefined ? ErrorCode.ttlExceeded : ErrorCode.ttlHopsExceeded, 'TTL used up')
      return
    }
    if (diagnostic !== undefined && !this.passes(diagnostic, view, previousHop, list)) return
    if (view.options().some((option) => (option.flags & ForwardingOptionFlag.forwardCritical) !== 0)) {
      this.drop('forwardingOption')
      this.reject(view, previousHop, ErrorCode.unsupportedForwardingOption, 'forwarding option not known here')
      return
    }
    const response = isResponse(view)
    const via = response ? undefined : view.viaList()
    if (via !== undefined && via.length >= MAX_LIST) { this.drop('viaList'); return }
    const rewritten = (hop?: Destination): Uint8Array =>
      rewriteHeader(view.bytes, { ttl: view.ttl - 1, destinationList: list, ...(via === undefined || hop === undefined ? {} : { viaList: [...via, hop] }) })
    const mtu = this.deps.links.pathMtu(to)
    let bytes = rewritten(toNode(previousHop))
    if (via !== undefined && (this.deps.compactVia === 'always' || isLong(bytes, mtu))) {
      const id = this.deps.compactIds.of(previousHop)
      if (id !== undefined) bytes = rewritten({ type: 'compact', id })
    }
    if (this.transmit(to, bytes, mtu)) this.deps.counters.add('forwarded')
    else if (diagnostic !== undefined) this.reject(view, previousHop, ErrorCode.underlayDestinationUnreachable, `no link to ${toHex(to)}`)
  }

  /** RFC 7851 §6.2: who forwards a diagnostic message says what is wrong with its path. */
  private passes(diagnostic: DiagnosticMessage, view: HeaderView, previousHop: Uint8Array, list: readonly Destination[]): boolean {
    const refuse = (error: number, info: string): boolean => {
      this.drop('diagnostic')
      // An answer has no Via List to go back by: its error goes where it would have gone itself.
      this.user.onRejected(view, previousHop, error, info)
      return false
    }
    if (diagnostic.expiration <= BigInt(this.deps.clock.now())) return refuse(ErrorCode.messageExpired, 'expired on the way')
    if (isResponse(view)) return true
    const { nodeId, misroutes } = this.deps
    const before = view.viaList().flatMap((via) => via.type === 'node' ? [via.nodeId] : [])
    if (before.some((via) => equalBytes(via, nodeId))) return refuse(ErrorCode.loopDetected, 'it has been here before')
    const [head] = list
    const id = head?.type === 'node' ? head.nodeId : head?.type === 'resource' ? head.resourceId : undefined
    if (id !== undefined && misroutes?.(previousHop, id, before) === true) {
      // It may have been right by what the peer knew a moment ago: told, and brought on its way nevertheless.
      this.deps.counters.add('misrouted')
      this.user.onRejected(view, previousHop, ErrorCode.upstreamMisrouting, toHex(previousHop))
    }
    return true
  }

  private transmit(to: Uint8Array, bytes: Uint8Array, mtu = this.deps.links.pathMtu(to)): boolean {
    if (mtu === undefined || !isLong(bytes, mtu)) return this.transmitOne(to, bytes)
    const parts = fragmentMessage(bytes, mtu - ROOM_TO_GROW)
    if (parts.length > 1) this.deps.counters.add('sent.fragmented')
    // All are tried: the far end may have the others from an earlier transmission.
    return parts.map((part) => this.transmitOne(to, part)).every(Boolean)
  }

  private transmitOne(to: Uint8Array, bytes: Uint8Array): boolean {
    const sent = this.deps.links.send(to, bytes)
    if (sent) this.deps.messages?.sent(bytes)
    this.deps.counters.add(sent ? 'sent.messages' : 'dropped.link')
    if (sent) this.deps.counters.add('sent.bytes', bytes.length)
    return sent
  }

  private reject(view: HeaderView, previousHop: Uint8Array, error: number, info: string): void {
    if (view.isWhole && !isResponse(view)) this.user.onRejected(view, previousHop, error, info)
  }

  private drop(why: string): void { this.deps.counters.add(`dropped.${why}`) }
}

/** Whether a message does not fit into one datagram. */
function isLong(bytes: Uint8Array, mtu: number | undefined): boolean { return mtu !== undefined && bytes.length + DATA_FRAME_OVERHEAD > mtu }

function noRoute(head: Destination): Decision {
  return { step: 'reject', error: ErrorCode.underlayDestinationUnreachable, info: `no route to ${destinationText(head)}` }
}

/** A message's code stands right behind the header; of later fragments it is unknown, and a Via List does no harm. */
export function isResponse(view: HeaderView): boolean {
  const code = messageCode(view)
  return code !== undefined && !isRequest(code)
}

function messageCode(view: HeaderView): number | undefined {
  const { body } = view
  return view.fragment.offset === 0 && body.length >= 2 ? ((body[0] as number) << 8) | (body[1] as number) : undefined
}

/** RFC 6940 §6.1.2: what a node may send that has not told by an Attach which of its Node-IDs it acts under. */
function isBeforeAttach(view: HeaderView): boolean {
  if (isResponse(view)) return true
  const code = messageCode(view)
  return view.isWhole && view.viaList().length === 0 && (code === MessageCode.pingReq || code === MessageCode.attachReq)
}

/** Opaque IDs of different nodes may look alike without being the same. */
function hasDuplicate(list: readonly Destination[]): boolean {
  if (list.length < 2) return false
  const named = list.filter((entry) => entry.type !== 'compact' && entry.type !== 'opaque_id_type')
  if (named.length <= SHORT_LIST) return named.some((entry, i) => named.findIndex((other) => sameDestination(other, entry)) < i)
  return new Set(named.map(destinationText)).size < named.length
}

/** The 16-bit form, and the opaque ID of two bytes that it is short for (RFC 6940 §6.3.2.2). */
function compactId(entry: Destination): number | undefined {
  if (entry.type === 'compact') return entry.id
  return entry.type === 'opaque_id_type' && entry.opaqueId.length === 2 ? ((entry.opaqueId[0] as number) << 8) | (entry.opaqueId[1] as number) : undefined
}
