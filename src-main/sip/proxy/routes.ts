/**
 * Route information of a proxy (RFC 3261 §16.4, §16.6 step 4): takes its own values off the Route header field, and
 * writes a Record-Route value for each side, so that both find the way back whatever transport the other side uses.
 */
import type { SipRequest } from '../message/message.ts'
import { formatNameAddr, type NameAddr, printNameAddr } from '../message/nameAddr.ts'
import { type SipUri, parseUri, printUri } from '../message/uri.ts'
import { bracketHost, type HostPort } from '../transport/address.ts'
import type { Connection } from '../transport/connection.ts'
import type { FlowTokens } from './flowTokens.ts'

export interface RouteInfo {
  /** Name of the flow that the route leads to; undefined when no value of ours names one. */
  readonly flow: string | undefined
  /** Values that were taken off: part of what identifies a loop (RFC 5393 §4.2.1). */
  readonly used: readonly string[]
}

/**
 * Takes off the values of this proxy, and undoes what a strict router did to the Request-URI.
 * @param serves is this an address of ours?
 * @throws DecodeError when Route or Request-URI cannot be read
 */
export function preprocess(request: SipRequest, tokens: FlowTokens, serves: (uri: SipUri) => boolean): RouteInfo {
  const { uri } = request
  if (uri.kind === 'sip' && uri.params.has('lr') && flowOf(uri, tokens) !== undefined) {
    // a strict router has put our Record-Route URI here: the real target is the last Route value
    const last = request.routes.at(-1)
    if (last !== undefined) {
      const rest = request.routes.slice(0, -1)
      setRoutes(request, [{ displayName: '', uri, params: last.params }, ...rest])
      request.requestUri = printUri(last.uri)
    }
  }
  const used: string[] = []
  let flow: string | undefined
  for (let routes = request.routes; routes[0] !== undefined; routes = request.routes) {
    const top = routes[0]
    if (top.uri.kind !== 'sip') break
    const named = flowOf(top.uri, tokens)
    if (named === undefined && !(top.uri.user === undefined && serves(top.uri))) break
    flow = named ?? flow
    used.push(printUri(top.uri))
    setRoutes(request, routes.slice(1))
  }
  return { flow, used }
}

/** Is the first route value one that this proxy has written? */
export function routesThrough(request: SipRequest, tokens: FlowTokens): boolean {
  const first = request.routes[0]?.uri ?? request.uri
  return first.kind === 'sip' && first.params.has('lr') && flowOf(first, tokens) !== undefined
}

/** The URI of this proxy on one side, naming the flow to that side. @param secure for a sips: request (§16.6 step 4) */
export function recordRoute(connection: Connection, tokens: FlowTokens, local: HostPort, secure = false): string {
  const transport = connection.transport === 'UDP' ? '' : `;transport=${connection.transport.toLowerCase()}`
  return formatNameAddr('', `${secure ? 'sips' : 'sip'}:${tokens.make(connection)}@${bracketHost(local.host)}:${local.port}${transport};lr`)
}

/** §16.6 step 6: a first value without lr is a strict router, which wants to see itself in the Request-URI. */
export function postprocess(request: SipRequest): void {
  const [first, ...rest] = request.routes
  if (first === undefined || (first.uri.kind === 'sip' && first.uri.params.has('lr'))) return
  const target = parseUri(request.requestUri)
  setRoutes(request, rest)
  request.headers.append('Route', formatNameAddr('', printUri(target)))
  request.requestUri = printUri(first.uri)
}

function flowOf(uri: SipUri, tokens: FlowTokens): string | undefined { return uri.user === undefined ? undefined : tokens.read(uri.user) }

function setRoutes(request: SipRequest, routes: readonly NameAddr[]): void {
  if (routes.length === 0) request.headers.remove('Route')
  else request.headers.set('Route', routes.map(printNameAddr).join(', '))
}
