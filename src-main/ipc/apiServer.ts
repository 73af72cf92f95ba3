/**
 * Answers the contract for one peer, for any number of clients: each command is one call into the services,
 * each fact of the services reaches every client through the projections. Owns no state but who is connected.
 */
import type { CallMedia, Result } from '@shared/ipc/contract.ts'
import type { Port } from '@shared/ipc/port.ts'
import { serve, type ClientConnection, type Handlers } from '@shared/ipc/server.ts'
import { withTimeout } from '../base/abort.ts'
import { PeerError } from '../base/errors.ts'
import type { Peer } from '../peer/createPeer.ts'
import type { PeerApp } from '../peer/peerApp.ts'
import { diagnosticsView } from '../peer/diagnosticsView.ts'
import { neighbourView } from '../peer/status.ts'
import { normaliseAor } from '../phone/address.ts'
import type { MediaPort } from '../phone/mediaPort.ts'
import type { Phone } from '../phone/phone.ts'
import type { Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Overlay } from '../reload/overlay/overlay.ts'
import { toHex, fromHex } from '../base/bytes.ts'
import { clearPhone, feedPhone } from './feed.ts'
import { MediaClients } from './mediaClients.ts'
import { Projections } from './projections.ts'

type HeadlessFiles = Omit<Extract<CallMedia, { engine: 'headless' }>, 'engine'>

export interface ApiDeps {
  readonly headlessMedia: (files: HeadlessFiles) => MediaPort
  readonly info: Result<'app.info'>
  readonly log: Log
}

export interface Api {
  serve(port: Port): void
  onQuit(listener: () => void): void
}

/** Look-ups that a person waits for are given up after this. */
const askTimeoutMs = 20_000
const statusEveryMs = 3_000

export function createApi(app: PeerApp, deps: ApiDeps): Api {
  const projections = new Projections()
  const media = new MediaClients(app.ports.clock)
  const clients = new Set<ClientConnection>()
  const quitListeners = new Set<() => void>()
  let nextClient = 1

  const phone = (): Phone => peer().phone
  const peer = (): Peer => {
    if (app.peer === undefined) throw new PeerError('not-enrolled', 'this profile belongs to no overlay yet')
    return app.peer
  }
  const mediaOf = (wanted: CallMedia, client: ClientConnection): MediaPort => {
    if (wanted.engine === 'client') return media.portOf(client)
    const { engine: _, ...files } = wanted
    return deps.headlessMedia(files)
  }
  const timed = <T>(what: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    withTimeout(app.ports.clock, askTimeoutMs, 'network-timeout', new AbortController().signal, what)

  const handlers: Handlers = {
    'app.info': () => deps.info,
    'app.quit': () => {
      for (const listener of quitListeners) listener()
      return null
    },
    'state.get': () => {
      projections.set('status', app.status())
      return projections.snapshot()
    },

    'overlay.create': (params) => app.account.create(params),
    'overlay.document': () => ({ xml: app.account.document() }),
    'overlay.invite': ({ userName, expiresHours, anotherDevice }) => app.account.invite(userName, expiresHours, anotherDevice),
    'overlay.invitations': () => app.account.invitations(),
    'overlay.revokeInvitation': ({ id }) => { app.account.revokeInvitation(id); return null },
    'overlay.revoke': ({ userName, nodeId }) => timed(async (signal) => {
      const excluded = await app.excludeUser(userName, nodeId, signal)
      return { userName: excluded.userName, nodeIds: [...excluded.nodeIds] }
    }),
    'overlay.diagnostics': ({ on }) => {
      app.setDiagnostics(on)
      return null
    },
    'discovery.start': (_, client) => { app.discovery.start(client); client.onClose(() => { app.discovery.stop(client) }); return null },
    'discovery.stop': (_, client) => { app.discovery.stop(client); return null },
    'overlay.inspect': ({ text }) => app.account.inspect(text),
    'overlay.join': (params) => app.account.join(params),

    'presence.set': ({ state, note }) => { phone().presence.setOwn({ state, note: note ?? '' }); return null },
    'contacts.add': ({ uri, displayName }) => phone().contacts.add(uri, displayName),
    'contacts.update': ({ aor, ...change }) => phone().contacts.update(aor, change),
    'contacts.remove': ({ aor }) => { phone().contacts.remove(aor); return null },

    'call.place': ({ uri, media: wanted, holdOthers }, client) => ({ id: phone().calls.place(uri, mediaOf(wanted, client), { holdOthers: holdOthers === true }) }),
    'call.answer': ({ id, media: wanted, holdOthers }, client) => { phone().calls.answer(id, mediaOf(wanted, client), { holdOthers: holdOthers === true }); return null },
    'call.reject': ({ id, busy }) => { phone().calls.reject(id, busy); return null },
    'call.hangup': ({ id }) => { phone().calls.hangUp(id); return null },
    'call.mute': ({ id, muted }) => { phone().calls.mute(id, muted); return null },
    'call.hold': ({ id }) => { phone().calls.hold(id); return null },
    'call.resume': ({ id, holdOthers }) => { phone().calls.resume(id, { holdOthers: holdOthers === true }); return null },
    'call.dtmf': ({ id, digits }) => { phone().calls.sendKeys(id, digits); return null },
    'call.transfer': ({ id, uri, withCall }) => {
      if ((uri === undefined) === (withCall === undefined)) throw new PeerError('invalid-argument', 'one of uri and withCall')
      if (uri !== undefined) phone().calls.transfer(id, uri)
      else if (withCall !== undefined) phone().calls.join(id, withCall)
      return null
    },
    'calls.trace': ({ id, bodies }) => {
      const found = peer().callTrace.of(id, bodies === true)
      if (found === undefined) throw new PeerError('call-unknown', 'no messages of this call are kept')
      return { ...found, messages: [...found.messages] }
    },
    'media.result': ({ request, sdp, error }, client) => { media.result(client, request, sdp, error); return null },
    'media.state': ({ id, state, codec }, client) => { media.state(client, id, state, codec); return null },

    'phones.add': ({ userName, displayName, md5First }) => peer().phones.add(userName, displayName, md5First),
    'phones.list': () => peer().phones.list(),
    'phones.remove': ({ userName }) => { peer().phones.remove(userName); return null },

    'messages.send': ({ uri, text }) => phone().messages.send(uri, text),
    'messages.retry': ({ id }) => phone().messages.retry(id),
    'messages.list': ({ aor, before, limit }) => [...phone().messages.list(aor, before, limit ?? 50)],
    'messages.markRead': ({ aor }) => { phone().messages.markRead(aor); return null },
    'history.markSeen': () => { phone().history.markSeen(); return null },
    'history.clear': () => { phone().history.clear(); return null },
    'settings.set': (part) => app.settings.set(part),

    'overlay.lookup': ({ uri }) => timed(async (signal) => {
      const { resolver } = peer()
      return (await resolver.lookup(uri, signal)).map(({ nodeId, registration, lifetimeS }) => ({
        nodeId, lifetimeS,
        ...(registration.type === 'uri'
          ? { target: registration.uri, contactPrefs: '' }
          : { target: registration.destinationList.map((d) => toHex(d.node)).join(' '), contactPrefs: registration.contactPrefs }),
      }))
    }),
    'overlay.ring': () => ({ nodeId: toHex(peer().overlay.nodeId), neighbours: peer().overlay.neighbours().map(neighbourView) }),
    'overlay.trace': ({ uri }) => timed(async (signal) => {
      const { overlay } = peer()
      const to = placeOf(overlay, uri)
      return {
        resourceId: toHex('node' in to ? to.node : to.resource),
        hops: (await overlay.trace(to, signal)).map(({ nodeId, userName, rttMs, end, method, error, report }) => ({
          nodeId: toHex(nodeId), userName: userName ?? null, rttMs: rttMs ?? null, end: end ?? null, method: method ?? null, error: error ?? null,
          clockOffsetMs: report?.clockOffsetMs ?? null, diagnostics: diagnosticsView(report?.diagnostics ?? {}),
        })),
      }
    }),
    'overlay.ping': ({ nodeId, uri }) => timed(async (signal) => {
      const { overlay } = peer()
      const wanted = nodeId ?? uri
      if (wanted === undefined) throw new PeerError('invalid-argument', 'one of nodeId and uri')
      const { rttMs, hops, responder, userName, report } = await overlay.ping([placeOf(overlay, wanted)], signal)
      return { rttMs, hops, nodeId: toHex(responder), userName, clockOffsetMs: report?.clockOffsetMs ?? null, diagnostics: diagnosticsView(report?.diagnostics ?? {}) }
    }),
  }

  const showPeer = (now: Peer | undefined): (() => void) => {
    projections.set('account', app.account.view())
    if (now === undefined) {
      clearPhone(projections)
      projections.set('status', app.status())
      return () => {}
    }
    const stopPhone = feedPhone(now.phone, projections)
    // Neighbours, round-trip times and counters change all the time: a look every few seconds is enough.
    let timer: Timer | undefined
    const status = (): void => {
      timer?.cancel()
      timer = app.ports.clock.setTimer(statusEveryMs, status)
      projections.set('status', app.status())
    }
    status()
    const stopStatus = now.onStatus(status)
    // A newer document may say otherwise who reads the figures of this peer.
    const stopDocument = now.overlay.onDocument(() => { projections.set('account', app.account.view()) })
    return () => { stopPhone(); stopStatus(); stopDocument(); timer?.cancel() }
  }
  let stopFeed = showPeer(app.peer)
  app.onPeer((now) => { stopFeed(); stopFeed = showPeer(now) })
  projections.set('settings', app.settings.get())
  app.settings.onChanged((settings) => { projections.set('settings', settings) })
  app.discovery.onChanged((hints) => { projections.replace('discovered', Object.fromEntries(hints.map((hint) => [hint.id, hint]))) })
  for (const [id, warning] of app.currentWarnings) projections.put('warnings', id, warning)
  app.onWarning(({ id, warning }) => {
    if (warning === undefined) projections.remove('warnings', id)
    else projections.put('warnings', id, warning)
  })
  projections.onChange((step) => { for (const client of clients) client.emit('state', step) })

  return {
    serve: (port) => {
      const client = serve(port, `client-${nextClient++}`, handlers, (method, cause) => {
        deps.log.error('api.failed', { method, cause: cause instanceof Error ? cause.stack : String(cause) })
      })
      clients.add(client)
      client.onClose(() => { clients.delete(client) })
    },
    onQuit: (listener) => { quitListeners.add(listener) },
  }
}

/** A Node-ID by its 32 hexadecimal digits, or where the registrations of an address are. @throws PeerError 'address-invalid' */
function placeOf(overlay: Overlay, text: string): { readonly node: Uint8Array } | { readonly resource: Uint8Array } {
  return /^[0-9a-f]{32}$/i.test(text) ? { node: fromHex(text) } : { resource: overlay.resourceId(normaliseAor(text, overlay.name)) }
}
