/** Runs in the browser: JsSIP as a phone, told what to do by `window.phone`; what happens to it stands in `body.dataset`. */
import { C, UA, WebSocketInterface } from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'
import type { IncomingMessageEvent, OutgoingMessageEvent, RTCSessionEvent } from 'jssip/lib/UA'

export interface PagePhone {
  /** @param server ws: URL; @param uri sip:USER@DOMAIN */
  start(server: string, uri: string, password: string): void
  stop(): void
  call(uri: string): void
  answer(): void
  hangup(): void
  /** Answers a call that rings with 302. */
  sendTo(uri: string): void
  hold(): void
  resume(): void
  key(digit: string): void
  write(uri: string, text: string): void
}

declare global { interface Window { phone: PagePhone } }

const { dataset } = document.body
const audio = document.querySelector('audio')
const sound = { mediaConstraints: { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false }, pcConfig: { iceServers: [] } }
let ua: UA | undefined
let session: RTCSession | undefined

function follow(next: RTCSession, incoming: boolean): void {
  session = next
  dataset['call'] = incoming ? 'incoming' : 'calling'
  dataset['from'] = next.remote_identity.uri.toString()
  dataset['end'] = ''
  next.on('progress', () => { if (!incoming) dataset['call'] = 'ringing' })
  next.on('confirmed', () => { dataset['call'] = 'active' })
  next.on('ended', ({ originator }) => { dataset['call'] = 'ended'; dataset['end'] = originator })
  next.on('failed', ({ cause }) => { dataset['call'] = 'failed'; dataset['end'] = cause })
  next.on('hold', ({ originator }) => { dataset['hold'] = originator })
  next.on('unhold', () => { dataset['hold'] = '' })
  const connected = (connection: RTCPeerConnection): void => {
    connection.addEventListener('track', ({ track }) => { if (audio !== null) audio.srcObject = new MediaStream([track]) })
  }
  if (incoming) next.on('peerconnection', ({ peerconnection }) => { connected(peerconnection) })
  else connected(next.connection)
}

window.phone = {
  start(server, uri, password) {
    ua = new UA({ sockets: [new WebSocketInterface(server)], uri, password, register_expires: 120 })
    ua.on('registered', () => { dataset['registered'] = 'yes' })
    ua.on('unregistered', () => { dataset['registered'] = 'no' })
    ua.on('registrationFailed', ({ cause }) => { dataset['registered'] = cause ?? 'failed' })
    ua.on('newRTCSession', ({ session: next, originator }: RTCSessionEvent) => { if (originator === 'remote') follow(next, true) })
    ua.on('newMessage', ({ originator, request }: IncomingMessageEvent | OutgoingMessageEvent) => { if (originator === 'remote') dataset['message'] = `${String(request.from.uri)} ${request.body}` })
    ua.start()
  },
  stop() { ua?.stop() },
  call(uri) { if (ua !== undefined) follow(ua.call(uri, sound), false) },
  answer() { session?.answer(sound) },
  hangup() { session?.terminate() },
  sendTo(uri) { session?.terminate({ status_code: 302, reason_phrase: 'Moved Temporarily', extraHeaders: [`Contact: <${uri}>`] }) },
  hold() { session?.hold() },
  resume() { session?.unhold() },
  key(digit) { session?.sendDTMF(digit, { transportType: C.DTMF_TRANSPORT.RFC2833 }) },
  write(uri, text) {
    ua?.sendMessage(uri, text, { eventHandlers: { succeeded: () => { dataset['written'] = text }, failed: ({ cause }) => { dataset['written'] = `failed: ${String(cause)}` } } })
  },
}
