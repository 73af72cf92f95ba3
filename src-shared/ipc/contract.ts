/**
 * The one door between the peer and whatever shows or drives it: desktop window, browser, command line.
 * JSON-RPC 2.0, one object a line or frame; every parameter and result has a schema here and is checked on
 * arrival. A client starts with `state.get` and applies the `state` events that follow; when `version` is not
 * the one after its own, it asks for a new snapshot.
 */
import { z } from 'zod'
import {
  accountView, callView, contactView, conversationView, historyEntry, invitationView, issuedInvitation,
  messageView, neighbourView, newPhone, overlayHint, ownPresence, peerStatus, phoneView, settings,
} from '../model/index.ts'

const none = z.object({}).strict()
const nothing = z.null()
/** sip:user@domain, sips:…, or user@domain */
const uri = z.string().min(1).max(320)
const name = z.string().max(100)
const id = z.string().min(1).max(100)
const path = z.string().min(1).max(4096)

/** What makes the sound: the client that asks (its WebRTC), or the peer itself from and to files. */
export const callMedia = z.discriminatedUnion('engine', [
  z.object({ engine: z.literal('client') }).strict(),
  z.object({
    engine: z.literal('headless'),
    /** WAV file to play, looped; silence when absent */
    play: path.optional(),
    /** WAV file to write what is heard into */
    record: path.optional(),
    /** send back what is heard */
    echo: z.boolean().optional(),
  }).strict(),
])
export type CallMedia = z.infer<typeof callMedia>

/** Everything a client shows, by topic. */
export const state = z.object({
  account: accountView.nullable(),
  status: peerStatus,
  presence: ownPresence,
  settings,
  contacts: z.record(z.string(), contactView),
  calls: z.record(z.string(), callView),
  conversations: z.record(z.string(), conversationView),
  /** the 200 latest, by id */
  history: z.record(z.string(), historyEntry),
  /** overlays seen on the LAN while discovery runs, by id */
  discovered: z.record(z.string(), overlayHint),
  /** things a user should know that need no answer, by id: keyring missing, clock wrong, port changed … */
  warnings: z.record(z.string(), z.object({ code: z.string(), detail: z.string() })),
})
export type State = z.infer<typeof state>
export type Topic = keyof State

/**
 * One step of the state. `topic` alone replaces the topic; with `id` it puts one entry of a record, or removes
 * it when `value` is null. The topic 'messages' is not part of the snapshot: its entries are new or changed
 * messages, for clients that show a conversation.
 */
export const change = z.object({ topic: z.string(), id: z.string().optional(), value: z.unknown() })
export type Change = z.infer<typeof change>

export const registrationView = z.object({
  nodeId: z.string(),
  /** a route to the device, or another address to try */
  target: z.string(),
  contactPrefs: z.string(),
  /** seconds it still holds */
  lifetimeS: z.number(),
})

/** what a peer tells of itself (RFC 7851), where it may: figures by their names there, Kinds and messages by name */
export const diagnosticsView = z.record(z.string(), z.union([
  z.number(), z.string(), z.record(z.string(), z.number()), z.record(z.string(), z.object({ sent: z.number(), received: z.number() })),
]))
export type DiagnosticsView = z.infer<typeof diagnosticsView>

/** method → parameters and result */
export const methods = {
  'app.info': { params: none, result: z.object({ version: z.string(), headless: z.boolean(), platform: z.string(), profile: z.string() }) },
  'app.quit': { params: none, result: nothing },
  'state.get': { params: none, result: z.object({ version: z.number(), state }) },

  'overlay.create': {
    params: z.object({
      name, userName: name, displayName: name.optional(), open: z.boolean().optional(), domains: z.array(z.string().max(200)).max(20).optional(),
      /** this installation may read technical figures of every peer (RFC 7851) */
      diagnostics: z.boolean().optional(),
      keyType: z.enum(['ec', 'rsa']).optional(),
      /** CHORD-SELF-TUNING (RFC 7363) instead of CHORD-RELOAD */
      topology: z.enum(['self-tuning']).optional(),
    }).strict(),
    result: accountView,
  },
  /** whether the organiser's peer may read technical figures of every peer: a new document says so, and rolls out */
  'overlay.diagnostics': { params: z.object({ on: z.boolean() }).strict(), result: nothing },
  'overlay.document': { params: none, result: z.object({ xml: z.string() }) },
  'overlay.invite': { params: z.object({ userName: name, expiresHours: z.number().min(0.01).max(24 * 365).optional(), anotherDevice: z.boolean().optional() }).strict(), result: issuedInvitation },
  'overlay.invitations': { params: none, result: z.array(issuedInvitation) },
  'overlay.revokeInvitation': { params: z.object({ id }).strict(), result: nothing },
  /** excludes a user: a new document names his nodes bad-nodes, and rolls out */
  'overlay.revoke': { params: z.object({ userName: name, nodeId: z.string().regex(/^[0-9a-f]{32}$/).optional() }).strict(), result: z.object({ userName: z.string(), nodeIds: z.array(z.string()) }) },
  'discovery.start': { params: none, result: nothing },
  'discovery.stop': { params: none, result: nothing },
  /** reads a link, or the text of an overlay file; contacts nobody */
  'overlay.inspect': { params: z.object({ text: z.string().min(1).max(1_000_000) }).strict(), result: invitationView },
  /** one of `text` (link or overlay document) and `discovered` (an id of topic 'discovered') */
  'overlay.join': {
    params: z.object({
      text: z.string().min(1).max(1_000_000).optional(), discovered: id.optional(),
      userName: name.optional(), displayName: name.optional(), code: z.string().max(200).optional(),
      keyType: z.enum(['ec', 'rsa']).optional(),
    }).strict(),
    result: accountView,
  },

  'presence.set': { params: ownPresence.partial({ note: true }), result: nothing },
  'contacts.add': { params: z.object({ uri, displayName: name.optional() }).strict(), result: contactView },
  'contacts.update': { params: z.object({ aor: uri, displayName: name.optional(), favourite: z.boolean().optional() }).strict(), result: contactView },
  'contacts.remove': { params: z.object({ aor: uri }).strict(), result: nothing },

  /** `holdOthers`: every other call goes on hold */
  'call.place': { params: z.object({ uri, media: callMedia, holdOthers: z.boolean().optional() }).strict(), result: z.object({ id }) },
  'call.answer': { params: z.object({ id, media: callMedia, holdOthers: z.boolean().optional() }).strict(), result: nothing },
  'call.reject': { params: z.object({ id, busy: z.boolean().optional() }).strict(), result: nothing },
  'call.hangup': { params: z.object({ id }).strict(), result: nothing },
  'call.mute': { params: z.object({ id, muted: z.boolean() }).strict(), result: nothing },
  'call.hold': { params: z.object({ id }).strict(), result: nothing },
  'call.resume': { params: z.object({ id, holdOthers: z.boolean().optional() }).strict(), result: nothing },
  /** keys, one after the other */
  'call.dtmf': { params: z.object({ id, digits: z.string().regex(/^[0-9A-Da-d*#]{1,64}$/) }).strict(), result: nothing },
  /** one of `uri` (they are sent to somebody) and `withCall` (the other sides of two calls are joined); told by the call's `transfer` */
  'call.transfer': { params: z.object({ id, uri: uri.optional(), withCall: id.optional() }).strict(), result: nothing },
  /**
   * the SIP messages of one of the last calls, by the call's id or its Call-ID, oldest first. Credentials and media keys
   * are left out; bodies too unless asked for
   */
  'calls.trace': {
    params: z.object({ id: z.string().min(1).max(300), bodies: z.boolean().optional() }).strict(),
    result: z.object({
      callId: z.string(),
      messages: z.array(z.object({ at: z.number(), direction: z.enum(['in', 'out']), transport: z.string(), remote: z.string(), summary: z.string(), text: z.string() })),
      /** messages that there was no room for */
      omitted: z.number(),
    }),
  },
  /** a client's answer to a `media` event; `error` is an error code */
  'media.result': { params: z.object({ request: id, sdp: z.string().max(100_000).optional(), error: z.string().max(100).optional() }).strict(), result: nothing },
  /** a client tells what it sees of the sound of a call */
  'media.state': { params: z.object({ id, state: z.enum(['connected', 'failed']), codec: z.string().max(40).optional() }).strict(), result: nothing },

  /**
   * ordinary SIP phones that may log in at this peer; the password is told here and never again.
   * `md5First`: for phones that know no better digest than MD5 and fail at the offer of one
   */
  'phones.add': { params: z.object({ userName: name, displayName: name.optional(), md5First: z.boolean().optional() }).strict(), result: newPhone },
  'phones.list': { params: none, result: z.array(phoneView) },
  'phones.remove': { params: z.object({ userName: name }).strict(), result: nothing },

  'messages.send': { params: z.object({ uri, text: z.string().min(1).max(20_000) }).strict(), result: messageView },
  'messages.retry': { params: z.object({ id }).strict(), result: messageView },
  /** newest first; `before` is milliseconds since 1970 */
  'messages.list': { params: z.object({ aor: uri, before: z.number().optional(), limit: z.number().int().min(1).max(500).optional() }).strict(), result: z.array(messageView) },
  'messages.markRead': { params: z.object({ aor: uri }).strict(), result: nothing },
  'history.markSeen': { params: none, result: nothing },
  'history.clear': { params: none, result: nothing },
  'settings.set': { params: settings.partial(), result: settings },

  'overlay.lookup': { params: z.object({ uri }).strict(), result: z.array(registrationView) },
  'overlay.ring': { params: none, result: z.object({ nodeId: z.string(), neighbours: z.array(neighbourView) }) },
  /** the peers on the way to an address, or to a Node-ID (32 hexadecimal digits), this one first; the last one is responsible for it unless `end` says otherwise */
  'overlay.trace': {
    params: z.object({ uri }).strict(),
    result: z.object({
      resourceId: z.string(),
      hops: z.array(z.object({
        nodeId: z.string(), userName: z.string().nullable(), rttMs: z.number().nullable(), end: z.enum(['responsible', 'silent', 'loop', 'refused', 'broken']).nullable(),
        /** how it was asked; null: it did not answer */
        method: z.enum(['PathTrack', 'RouteQuery']).nullable(),
        /** a RELOAD error that was the answer, and who sent it when it was another node */
        error: z.string().nullable(),
        /** how much its clock is ahead of ours */
        clockOffsetMs: z.number().nullable(),
        diagnostics: diagnosticsView,
      })),
    }),
  },
  /** `nodeId`, or `uri` for the peer that is responsible for an address; a Node-ID may stand for it too */
  'overlay.ping': {
    params: z.object({ nodeId: z.string().optional(), uri: uri.optional() }).strict(),
    result: z.object({
      rttMs: z.number(), hops: z.number(), nodeId: z.string(), userName: z.string(), clockOffsetMs: z.number().nullable(), diagnostics: diagnosticsView,
    }),
  },
} as const

export type Methods = typeof methods
export type Method = keyof Methods
export type Params<M extends Method> = z.input<Methods[M]['params']>
export type CheckedParams<M extends Method> = z.output<Methods[M]['params']>
export type Result<M extends Method> = z.output<Methods[M]['result']>

/** notification → parameters; from the peer to a client */
export const events = {
  state: z.object({ version: z.number(), changes: z.array(change) }),
  /**
   * Asked of the one client that makes the sound of a call; answered by `media.result` with the same `request`.
   * offer: make an SDP offer; answer: here is an offer, make an answer (for a call whose sound is open: a new one); accept: here is the answer to your
   * offer; mute, unmute: the microphone; flow: hold, by `send` and `receive`; keys: RTP events for `digits`; close: the call is over, free everything (not answered).
   */
  media: z.object({
    request: id, call: id, kind: z.enum(['offer', 'answer', 'accept', 'mute', 'unmute', 'flow', 'keys', 'close']), sdp: z.string().optional(),
    send: z.boolean().optional(), receive: z.boolean().optional(), digits: z.string().optional(),
  }),
} as const
export type Events = { [K in keyof typeof events]: z.output<(typeof events)[K]> }
export type EventName = keyof Events

/** JSON-RPC 2.0 error: `data.code` is one of errorCodes */
export const rpcError = z.object({ code: z.number(), message: z.string(), data: z.object({ code: z.string() }).optional() })
