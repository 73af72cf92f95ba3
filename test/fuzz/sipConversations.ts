/** Conversations that inputs start from: what everybody says in them, recorded from an element that answers. */
import { concatBytes } from '../../src-main/base/bytes.ts'
import { DigestClient } from '../../src-main/sip/auth/digestClient.ts'
import { makeResponse, type SipMessage, SipRequest } from '../../src-main/sip/message/message.ts'
import { parseDatagram } from '../../src-main/sip/message/parser.ts'
import { SeededRandom } from '../support/seededRandom.ts'
import { ANSWER, OFFER } from '../support/sipPeers.ts'
import { act, carol, hashes, PACKET, Promises, realm, WAITS_MS, world } from './sipWorld.ts'

export const packet = (channel: number, wait: number, message: SipMessage | Uint8Array): Uint8Array => concatBytes(Uint8Array.of(PACKET, channel | (wait << 2)), message instanceof Uint8Array ? message : message.encode())

type Heard = readonly (readonly SipMessage[])[]
/** Who says what next, given what each end has heard; nothing when there is nothing to say. Below zero: all wait for five seconds. */
type Step = readonly [channel: number, say: (heard: Heard) => SipMessage | undefined]

/** What the ends say when they are answered by the element as it is now. @param acts its user agent begins */
async function recorded(steps: readonly Step[], acts = false): Promise<Uint8Array> {
  const made = world(), { clock, ends } = made
  const heard: SipMessage[][] = ends.map(() => []), said: Uint8Array[] = []
  for (const [i, end] of ends.entries()) end.user = { onData: (bytes) => { heard[i]?.push(parseDatagram(bytes)) }, onClose: () => undefined }
  if (acts) {
    act(made, new Promises())
    said.push(Uint8Array.of(1))
    await clock.advanceInTurns(2)
  }
  let wait = 1
  for (const [channel, say] of steps) {
    if (channel < 0) { wait = 4; continue }
    if (wait > 1) await clock.advanceInTurns(WAITS_MS[wait] ?? 0)
    const message = say(heard)
    if (message === undefined) continue
    await clock.advanceInTurns(1)
    said.push(packet(channel, wait, message))
    wait = 1
    ends[channel]?.send(message.encode())
    await clock.advanceInTurns(2)
  }
  return concatBytes(...said)
}

function request(transport: string, method: string, cseq: number, more: readonly (readonly [string, string])[] = [], body = ''): SipRequest {
  const made = new SipRequest(method, method === 'REGISTER' ? `sip:${realm}` : `sip:alice@${realm}`)
  const name = method === 'REGISTER' ? 'desk' : 'carol'
  const given = new Set(more.map(([field]) => field))
  for (const [field, value] of [
    ['Via', `SIP/2.0/${transport} 10.0.0.2:5060;branch=z9hG4bK${method}${cseq};rport`], ['Max-Forwards', '70'], ['From', `<sip:${name}@${realm}>;tag=${name}`],
    ['To', `<sip:${method === 'REGISTER' ? 'desk' : 'alice'}@${realm}>`], ['Call-ID', `${name}-1`], ['CSeq', `${cseq} ${method}`], ['Contact', `<sip:${name}@10.0.0.2:5060>`],
  ] as const) if (!given.has(field)) made.headers.append(field, value)
  for (const [field, value] of more) made.headers.append(field, value)
  return body === '' ? made : made.setBody('application/sdp', body)
}

const responses = (heard: Heard, channel: number) => (heard[channel] ?? []).filter((message) => message.kind === 'response')
/** The To of the element's side of a dialog, once it has answered. */
const toOf = (heard: Heard, channel: number): [string, string] => ['To', responses(heard, channel).at(-1)?.headers.get('To') ?? '']
const answers = (channel: number, method: string, status = 200, more: readonly (readonly [string, string])[] = [], body = ''): Step => [channel, (heard) => {
  const asked = heard[channel]?.filter((message): message is SipRequest => message.kind === 'request' && message.method === method).at(-1)
  if (asked === undefined) return undefined
  const response = makeResponse(asked, status, undefined, 'far')
  for (const [name, value] of more) response.headers.append(name, value)
  return body === '' ? response : response.setBody('application/sdp', body)
}]

function call(channel: number): Promise<Uint8Array> {
  const transport = channel === 0 ? 'TCP' : 'UDP'
  const within = (method: string, cseq: number, more: readonly (readonly [string, string])[] = [], body = ''): Step => [channel, (heard) => request(transport, method, cseq, [toOf(heard, channel), ...more], body)]
  return recorded([
    [channel, () => request(transport, 'INVITE', 1, [['Supported', '100rel, timer, replaces'], ['Session-Expires', '180;refresher=uac'], ['Allow', 'INVITE, UPDATE, PRACK']], OFFER)],
    within('ACK', 1), within('INVITE', 2, [['Supported', 'timer'], ['Session-Expires', '90']], OFFER.replace('m=audio', 'a=sendonly\r\nm=audio')), within('ACK', 2), within('UPDATE', 3, [], OFFER),
    within('INFO', 4, [['Content-Type', 'application/dtmf-relay']]), within('REFER', 5, [['Refer-To', `<sip:bob@${realm}?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>`], ['Referred-By', `<sip:carol@${realm}>`]]),
    answers(channel, 'NOTIFY'), within('BYE', 6),
  ])
}

const subscription = (): Promise<Uint8Array> => recorded([
  [0, () => request('TCP', 'SUBSCRIBE', 1, [['Event', 'presence'], ['Expires', '600']])], answers(0, 'NOTIFY'),
  [0, (heard) => request('TCP', 'SUBSCRIBE', 2, [toOf(heard, 0), ['Event', 'presence'], ['Expires', '0']])], answers(0, 'NOTIFY'),
])

/** The same request twice, the second time with what the challenge asks for. */
function login(channel: number, cseq: number, make: (cseq: number) => SipRequest): Step[] {
  const digest = new DigestClient({ hashes, random: new SeededRandom(7), account: () => ({ username: 'desk', password: 'secret' }) })
  return [[channel, () => make(cseq)], [channel, (heard) => {
    const challenge = responses(heard, channel).filter(({ status }) => status === 401 || status === 407).at(-1), first = make(cseq + 1), next = first.clone()
    return challenge !== undefined && digest.answer(challenge, first, next) ? next : undefined
  }]]
}

const register = (channel: number, contact: string): Step[] => login(channel, 1, (cseq) => request(channel === 2 ? 'TCP' : 'UDP', 'REGISTER', cseq, [['Contact', contact], ['Supported', 'outbound, path'], ['Expires', '600']]))
const desk: readonly (readonly [string, string])[] = [['From', `<sip:desk@${realm}>;tag=desk`], ['To', `<sip:carol@${realm}>`], ['Call-ID', 'desk-2'], ['Contact', '<sip:desk@10.0.0.2:5060>']]

/** A phone calls somebody in the overlay, who answers, and hangs up along the recorded route. */
const phoneCalls = (): Promise<Uint8Array> => recorded([
  ...login(2, 1, (cseq) => { const invite = request('TCP', 'INVITE', cseq, desk, OFFER); invite.requestUri = `sip:${carol.aor}`; return invite }),
  answers(0, 'INVITE', 180, [['Contact', `<sip:${carol.aor}>`]]), answers(0, 'INVITE', 200, [['Contact', `<sip:${carol.aor}>`]], ANSWER),
  ...(['ACK', 'BYE'] as const).map((method, i): Step => [2, (heard) => {
    const answer = responses(heard, 2).filter(({ status }) => status === 200).at(-1)
    const next = request('TCP', method, 2 + i, [...desk.filter(([name]) => name !== 'To'), toOf(heard, 2), ['Route', [...(answer?.headers.getLines('Record-Route') ?? [])].reverse().join(', ')]])
    next.requestUri = `sip:${carol.aor}`
    return next
  }]),
  answers(0, 'BYE'),
])

/** A call from the overlay rings the app and a phone, the phone answers. */
const phoneIsCalled = (): Promise<Uint8Array> => recorded([
  ...register(2, '<sip:desk@10.0.0.2>;reg-id=1;+sip.instance="<urn:uuid:1>"'), [0, () => request('TCP', 'INVITE', 1, [], OFFER)],
  answers(2, 'INVITE', 180), answers(2, 'INVITE', 200, [['Contact', '<sip:desk@10.0.0.2>']], ANSWER), answers(2, 'CANCEL'),
])

const PIDF = '<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:desk@office.example"><tuple id="a"><status><basic>closed</basic></status></tuple></presence>'
const published = (): Promise<Uint8Array> => recorded(login(3, 1, (cseq) => {
  const publish = request('UDP', 'PUBLISH', cseq, [...desk.filter(([name]) => name !== 'To'), ['To', `<sip:desk@${realm}>`], ['Event', 'presence'], ['Expires', '600']]).setBody('application/pidf+xml', PIDF)
  publish.requestUri = `sip:desk@${realm}`
  return publish
}))

/** Carol answers all that the user agent asks of her, then hangs up. */
const asked = (): Promise<Uint8Array> => {
  const carols: readonly (readonly [string, string])[] = [['Contact', `<sip:${carol.aor}>`]]
  const wait: Step = [0, () => undefined]
  return recorded([
    answers(0, 'INVITE', 180), answers(0, 'INVITE', 200, carols, ANSWER), answers(0, 'OPTIONS'), answers(0, 'SUBSCRIBE', 200, [...carols, ['Expires', '600']]), wait,
    [0, (heard) => {
      const subscribe = heard[0]?.find((message): message is SipRequest => message.kind === 'request' && message.method === 'SUBSCRIBE')
      return subscribe === undefined ? undefined : request('TCP', 'NOTIFY', 1, [
        ['From', `${subscribe.headers.get('To') ?? ''};tag=far`], ['To', subscribe.headers.get('From') ?? ''], ['Call-ID', subscribe.callId], ...carols, ['Event', 'presence'], ['Subscription-State', 'active;expires=500'],
      ])
    }],
    [-1, () => undefined], answers(0, 'INVITE', 200, [...carols, ['Session-Expires', '90;refresher=uas']], ANSWER), answers(0, 'REFER', 202, carols),
  ], true)
}

const cancelled = (): Promise<Uint8Array> => recorded([
  [1, () => request('UDP', 'INVITE', 1, [], OFFER)], [1, () => request('UDP', 'BYE', 2)], [1, () => request('UDP', 'INVITE', 7, [['Call-ID', 'two']], OFFER)],
  [1, () => request('UDP', 'INVITE', 9, [['Call-ID', 'three']], OFFER)], [1, () => request('UDP', 'CANCEL', 9, [['Via', 'SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE9;rport'], ['Call-ID', 'three']])],
])

/** Made once: they are the same each time. */
export const conversations = await Promise.all([
  call(0), call(1), subscription(), cancelled(), phoneCalls(), phoneIsCalled(), published(), asked(), recorded(register(2, '<sip:desk@10.0.0.2>;reg-id=1;+sip.instance="<urn:uuid:1>"')), recorded(register(3, '<sip:desk@10.0.0.2>;q=0.5, <sip:desk@10.0.0.3>;expires=60')),
])

