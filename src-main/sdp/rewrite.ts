/**
 * Small changes to a session description as text, for offers and answers that leave the transport as it is: hold and
 * resume (RFC 3264 §8.4), the version in o= (§8), the role in a=setup (RFC 8842). Lines that are not concerned stay
 * byte for byte. Nothing here throws: what cannot be read is left alone.
 */
import type { SdpDirection } from './sdp.ts'

const directionLine = /^a=(?:sendrecv|sendonly|recvonly|inactive)$/

/** Session part first, then one part for each m= line; lines without their ends. */
function parts(sdp: string): string[][] {
  const out: string[][] = [[]]
  for (const line of sdp.split(/\r?\n/)) {
    if (line === '') continue
    if (line.startsWith('m=')) out.push([])
    out.at(-1)?.push(line)
  }
  return out
}

function join(all: readonly string[][]): string { return `${all.flat().join('\r\n')}\r\n` }

/** Every stream in use flows in this direction. */
export function withDirection(sdp: string, direction: SdpDirection): string {
  return join(parts(sdp).map((part, i) => {
    const kept = part.filter((line) => !directionLine.test(line))
    return i === 0 ? kept : [...kept, `a=${direction}`]
  }))
}

/** Direction of the first stream of sound, as its sender wrote it; an address of 0.0.0.0 without ICE says "do not send" (RFC 3264 §8.4). */
export function directionOf(sdp: string): SdpDirection {
  const all = parts(sdp)
  const session = all[0] ?? []
  const audio = all.find((part) => part[0]?.startsWith('m=audio ') === true && !part[0].startsWith('m=audio 0 ')) ?? []
  const find = (test: (line: string) => boolean): string | undefined => audio.find(test) ?? session.find(test)
  const direction = (find((line) => directionLine.test(line))?.slice(2) ?? 'sendrecv') as SdpDirection
  const ice = find((line) => line.startsWith('a=ice-ufrag:')) !== undefined
  if (ice || find((line) => line.startsWith('c='))?.endsWith(' 0.0.0.0') !== true) return direction
  return direction === 'sendrecv' ? 'sendonly' : direction === 'recvonly' ? 'inactive' : direction
}

/** The same stream as the other side sees it: what an answerer may say at most (RFC 3264 §6.1). */
export function mirrored(direction: SdpDirection): SdpDirection {
  return direction === 'sendonly' ? 'recvonly' : direction === 'recvonly' ? 'sendonly' : direction
}

/** What is left of a direction when we neither want to hear nor may be heard but by hold music. */
export function onHold(direction: SdpDirection): SdpDirection {
  return direction === 'sendrecv' || direction === 'sendonly' ? 'sendonly' : 'inactive'
}

/** The o= line of a description; '' when there is none. */
export function originOf(sdp: string): string { return /^o=.*$/m.exec(sdp)?.[0].trim() ?? '' }

/** Puts an o= line in the place of the one that is there. */
export function withOrigin(sdp: string, origin: string): string { return origin === '' ? sdp : sdp.replace(/^o=[^\r\n]*/m, origin) }

/** An o= line with the next version (RFC 3264 §8). */
export function nextVersion(origin: string): string {
  return origin.replace(/^(o=\S+ \S+ )(\d+)/, (_, head: string, version: string) => `${head}${BigInt(version) + 1n}`)
}

/** Our role in the DTLS handshake, as the last exchange settled it. */
export function setupOf(sdp: string): 'active' | 'passive' | 'actpass' | undefined {
  return /^a=setup:(active|passive|actpass)\s*$/m.exec(sdp)?.[1] as 'active' | 'passive' | 'actpass' | undefined
}

export function withSetup(sdp: string, setup: 'active' | 'passive' | 'actpass'): string { return sdp.replace(/^a=setup:\w+/gm, `a=setup:${setup}`) }

/** True when two descriptions of one side name the same transport: nothing has to be set up anew. */
export function sameTransport(a: string, b: string): boolean { return transportOf(a) === transportOf(b) }

function transportOf(sdp: string): string {
  const lines = sdp.split(/\r?\n/)
  const ice = lines.filter((line) => /^a=(?:ice-ufrag|ice-pwd|fingerprint):/i.test(line))
  const media = lines.filter((line) => line.startsWith('m=')).map((line) => line.split(' ')[2] ?? '')
  if (ice.some((line) => line.startsWith('a=ice-ufrag'))) return [...media, ...[...new Set(ice)].sort()].join('\n')
  return lines.filter((line) => /^(?:m=|c=|a=crypto:|a=fingerprint:)/.test(line)).map((line) => (line.startsWith('m=') ? line.split(' ').slice(0, 3).join(' ') : line)).join('\n')
}

const staticNames: Readonly<Record<string, string>> = { 0: 'pcmu/8000', 8: 'pcma/8000', 9: 'g722/8000' }

/** Codecs of one m= part by payload type, in the order of preference. */
function codecsOf(part: readonly string[]): Map<string, string> {
  const names = new Map(part.flatMap((line) => {
    const match = /^a=rtpmap:(\d+) ([^/\s]+\/\d+)/.exec(line)
    return match === null ? [] : [[match[1] ?? '', (match[2] ?? '').toLowerCase()] as const]
  }))
  const payloads = part[0]?.split(' ').slice(3) ?? []
  return new Map(payloads.flatMap((payload) => {
    const name = names.get(payload) ?? staticNames[payload]
    return name === undefined ? [] : [[payload, name] as const]
  }))
}

/** Our description without the codecs that the other side does not offer (RFC 3264 §6.1); undefined when none is left. */
export function withCodecsOf(sdp: string, offer: string): string | undefined {
  const theirs = parts(offer).slice(1)
  const all = parts(sdp)
  let empty = false
  const out = all.map((part, i) => {
    if (i === 0) return part
    const offered = new Set(codecsOf(theirs[i - 1] ?? []).values())
    const own = codecsOf(part)
    const kept = [...own].filter(([, name]) => offered.has(name)).map(([payload]) => payload)
    if (kept.length === 0) { empty = true; return part }
    const dropped = new Set([...own.keys()].filter((payload) => !kept.includes(payload)))
    const head = part[0]?.split(' ').slice(0, 3) ?? []
    return [[...head, ...kept].join(' '), ...part.slice(1).filter((line) => !dropped.has(/^a=(?:rtpmap|fmtp|rtcp-fb):(\d+)/.exec(line)?.[1] ?? ''))]
  })
  return empty ? undefined : join(out)
}

/** The other side takes keys as RTP events (RFC 4733). */
export function takesTelephoneEvents(sdp: string): boolean { return /^a=rtpmap:\d+ telephone-event\//im.test(sdp) }

/**
 * The address and port of the best UDP candidate in the m=, c= and a=rtcp lines (RFC 8839 §4.2.1.2): phones that find a
 * placeholder there take it for an ICE mismatch (§5.4) and go on without ICE.
 */
export function withDefaultCandidate(sdp: string): string {
  return join(parts(sdp).map((part, i) => {
    const candidates = part.flatMap((line) => {
      const match = /^a=candidate:\S+ 1 udp (\d+) (\S+) (\d+) typ /i.exec(line)
      return match === null ? [] : [{ priority: Number(match[1]), host: match[2] ?? '', port: match[3] ?? '' }]
    }).sort((a, b) => Number(a.host.includes(':')) - Number(b.host.includes(':')) || b.priority - a.priority)
    const [best] = candidates
    if (i === 0 || best === undefined || !/^m=\S+ 9 /.test(part[0] ?? '')) return part
    const address = `IN ${best.host.includes(':') ? 'IP6' : 'IP4'} ${best.host}`
    return part.map((line) => line.replace(/^(m=\S+) 9 /, `$1 ${best.port} `).replace(/^c=.*$/, `c=${address}`).replace(/^a=rtcp:9 .*$/, `a=rtcp:${best.port} ${address}`))
  }))
}
