/** The SIP stacks of npm that ours is measured beside, each brought to the same calls. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** What a proxy reads of a message: enough to sum up, so that nothing can be left out. */
export interface Contestant {
  readonly name: string
  /** Parses, and reads Request-URI host, top branch, both tags, Call-ID, CSeq, Max-Forwards, Record-Route and Contact host. */
  view(bytes: Buffer): number
  /** Prints a message that was parsed beforehand (`prepare`), to bytes. */
  readonly print?: (i: number) => number
  /** Parses, adds or takes off a Via, counts Max-Forwards down, prints to bytes. */
  readonly forward?: (bytes: Buffer) => number
}

interface NpmVia { version: string; protocol: string; host: string; port?: number; params: Record<string, string | null> }
interface NpmAddress { uri: string; params: Record<string, string | undefined> }
interface NpmMessage { method?: string; uri: string; status?: number; headers: Record<string, unknown> & { via: NpmVia[]; from: NpmAddress; to: NpmAddress; cseq: { seq: number; method: string } } }
interface NpmSip { parse(text: string): NpmMessage | undefined; stringify(message: NpmMessage): string; parseUri(uri: string): { host: string } | undefined }

export function npmSip(corpus: readonly Buffer[]): Contestant {
  const sip = require('sip/sip.js') as NpmSip
  const parse = (bytes: Buffer): NpmMessage => {
    const message = sip.parse(bytes.toString('binary')) // as its transports do
    if (message === undefined) throw new Error('sip refuses a message')
    return message
  }
  const hosts = (list: unknown): number => (list as NpmAddress[] | undefined)?.reduce((sum, { uri }) => sum + (sip.parseUri(uri)?.host.length ?? 0), 0) ?? 0
  const parsed = corpus.map(parse)
  return {
    name: 'npm sip 0.0.6',
    view(bytes) {
      const { headers, method, uri, status } = parse(bytes)
      return (method === undefined ? status ?? 0 : sip.parseUri(uri)?.host.length ?? 0) + (headers.via[0]?.params.branch?.length ?? 0) + (headers.from.params.tag?.length ?? 0)
        + (headers.to.params.tag?.length ?? 0) + (headers['call-id'] as string).length + headers.cseq.seq + Number(headers['max-forwards'] ?? 0) + hosts(headers['record-route']) + hosts(headers.contact)
    },
    print: (i) => Buffer.from(sip.stringify(parsed[i] as NpmMessage), 'binary').length,
    forward(bytes) {
      const message = parse(bytes)
      if (message.method === undefined) message.headers.via.shift()
      else {
        message.headers.via.unshift({ version: '2.0', protocol: 'UDP', host: '192.0.2.1', port: 5060, params: { branch: 'z9hG4bK0123456789abcdef' } })
        message.headers['max-forwards'] = Number(message.headers['max-forwards']) - 1
      }
      return Buffer.from(sip.stringify(message), 'binary').length
    },
  }
}

interface SipJsMessage { readonly method?: string; readonly ruri?: { readonly host: string }; readonly viaBranch: string; readonly fromTag?: string; readonly toTag?: string; readonly callId: string; readonly cseq: number; parseHeader(name: string, i?: number): { readonly uri: { readonly host: string } } | undefined; getHeaders(name: string): readonly string[]; getHeader(name: string): string | undefined }

export async function sipJs(): Promise<Contestant> {
  const { Parser } = await import('sip.js/lib/core/messages/parser.js' as string) as { Parser: { parseMessage(text: string, logger: object): SipJsMessage | undefined } }
  const say = (): void => { throw new Error('sip.js refuses a message') }
  const logger = { log: () => undefined, warn: say, error: say, debug: () => undefined }
  return {
    name: 'sip.js 0.21.2',
    view(bytes) {
      const m = Parser.parseMessage(bytes.toString('utf8'), logger)
      if (m === undefined) throw new Error('sip.js refuses a message')
      let sum = (m.ruri?.host.length ?? 0) + m.viaBranch.length + (m.fromTag?.length ?? 0) + (m.toTag?.length ?? 0) + m.callId.length + m.cseq + Number(m.getHeader('max-forwards') ?? 0)
      for (const name of ['record-route', 'contact']) for (let i = 0; i < m.getHeaders(name).length; i++) sum += m.parseHeader(name, i)?.uri.host.length ?? 0
      return sum
    },
  }
}

interface JssipMessage { readonly ruri?: { readonly host: string }; readonly via_branch: string; readonly from_tag?: string; readonly to_tag?: string; readonly call_id: string; readonly cseq: number; parseHeader(name: string, i?: number): { readonly uri: { readonly host: string } } | undefined; getHeaders(name: string): readonly string[]; getHeader(name: string): string | undefined }

export function jssip(): Contestant {
  const { parseMessage } = require('jssip/lib/Parser.js') as { parseMessage(text: string, ua: object): JssipMessage | undefined }
  return {
    name: 'jssip 3.13.8',
    view(bytes) {
      const m = parseMessage(bytes.toString('utf8'), {})
      if (m === undefined) throw new Error('jssip refuses a message')
      let sum = (m.ruri?.host.length ?? 0) + m.via_branch.length + (m.from_tag?.length ?? 0) + (m.to_tag?.length ?? 0) + m.call_id.length + m.cseq + Number(m.getHeader('max-forwards') ?? 0)
      for (const name of ['record-route', 'contact']) for (let i = 0; i < m.getHeaders(name).length; i++) sum += m.parseHeader(name, i)?.uri.host.length ?? 0
      return sum
    },
  }
}
