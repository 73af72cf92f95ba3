/**
 * Wireshark as a judge of RELOAD on the wire: tcpdump captures, tshark decrypts by the peers' TLS secrets, and each
 * frame (RFC 6940 §6.6.2) is dissected by Wireshark's own reload-framing and reload. What Wireshark 4.0 gets wrong itself is named below.
 */
import { execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)
const MAX_OUTPUT = 1 << 30

/** Expert notes that say something of Wireshark and not of the message. */
const dissectorFaults: ReadonlySet<string> = new Set([
  // SignerIdentity type none (3) is what values that do not exist are signed with (RFC 6940 §7.4.2.2).
  'Unknown identity type',
])

export interface Capture { stop(): Promise<void> }

/** Writes what passes the loopback interface to `file` from the moment this resolves. @throws when tcpdump cannot capture */
export function capture(file: string, filter: string): Promise<Capture> {
  const child = spawn('tcpdump', ['-i', 'lo', '-w', file, '-U', '-s', '0', '-B', '16384', filter], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  const ended = new Promise<void>((done) => { child.once('close', () => { done() }) })
  const stop = async (): Promise<void> => {
    child.kill('SIGINT')
    await ended
    const dropped = /(\d+) packets dropped by kernel/.exec(said)?.[1]
    if (dropped !== '0') throw new Error(`the capture is not whole: ${said}`)
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => { reject(new Error(`tcpdump ended with ${String(code)}: ${said}`)) })
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('listening on')) resolve({ stop })
    })
  })
}

export interface Frame { readonly stream: number; readonly fromFirst: boolean; readonly bytes: Uint8Array }

/** The frames of all TLS streams of a capture, in the order of each stream. @throws when a stream does not consist of frames */
export async function framesOf(file: string, keylog: string, ports: readonly number[]): Promise<readonly Frame[]> {
  const tls = [...ports.flatMap((port) => ['-d', `tcp.port==${port},tls`]), '-o', `tls.keylog_file:${keylog}`]
  const tshark = async (args: readonly string[]): Promise<string> => (await run('tshark', ['-r', file, ...tls, ...args], { maxBuffer: MAX_OUTPUT })).stdout
  const streams = new Set((await tshark(['-T', 'fields', '-e', 'tcp.stream'])).trim().split('\n').filter((line) => line !== ''))
  const followed = await tshark(['-q', ...[...streams].flatMap((stream) => ['-z', `follow,tls,raw,${stream}`])])
  const frames: Frame[] = []
  let stream = -1
  let sides: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)]
  const complete = (): void => {
    // What was still under way when a process died is no whole frame.
    if (sides.some((rest) => rest.length > 70_000)) throw new Error(`stream ${stream} does not consist of frames`)
    sides = [Buffer.alloc(0), Buffer.alloc(0)]
  }
  for (const line of followed.split('\n')) {
    const filter = /^Filter: tcp\.stream eq (\d+)/.exec(line)
    if (filter !== null) { complete(); stream = Number(filter[1]); continue }
    const hex = /^(\t?)([0-9a-f]+)$/.exec(line)
    if (hex === null) continue
    const side = hex[1] === '' ? 0 : 1
    let rest = Buffer.concat([sides[side], Buffer.from(hex[2] ?? '', 'hex')])
    for (let length = frameLength(rest); length !== undefined && length <= rest.length; length = frameLength(rest)) {
      frames.push({ stream, fromFirst: side === 0, bytes: rest.subarray(0, length) })
      rest = rest.subarray(length)
    }
    sides[side] = rest
  }
  complete()
  return frames
}

function frameLength(bytes: Buffer): number | undefined {
  const [type] = bytes
  if (type === undefined) return undefined
  if (type === 129) return 9
  if (type !== 128) throw new Error(`a frame of type ${type}`)
  return bytes.length < 8 ? undefined : 8 + bytes.readUIntBE(5, 3)
}

/** The message of a data frame; undefined for an ack. */
export function messageOf({ bytes }: Frame): Uint8Array | undefined { return bytes[0] === 128 ? bytes.subarray(8) : undefined }

export interface Verdict { readonly info: string; readonly complaints: readonly string[] }

/** What Wireshark says of each frame. @param file where the capture for it may be written */
export async function judge(frames: readonly Frame[], file: string): Promise<readonly Verdict[]> {
  writeFileSync(file, pcapOf(frames))
  const fields = ['frame.protocols', '_ws.col.Info', '_ws.malformed', '_ws.expert.message', 'reload_framing.message.length']
  const { stdout } = await run('tshark', [
    '-r', file, '-o', 'reload.defragment:FALSE', '-d', `udp.port==${JUDGED_PORT},reload-framing`,
    '-T', 'fields', '-E', 'separator=\x1f', '-E', 'aggregator=;', ...fields.flatMap((field) => ['-e', field]),
  ], { maxBuffer: MAX_OUTPUT })
  const lines = stdout.trimEnd().split('\n')
  if (lines.length !== frames.length) throw new Error(`${lines.length} verdicts for ${frames.length} frames`)
  return lines.map((line, i) => {
    const [protocols = '', info = '', malformed = '', expert = '', length = ''] = line.split('\x1f')
    const frame = frames[i] as Frame
    const message = messageOf(frame)
    const complaints = expert === '' ? [] : expert.split(';').filter((note) => !dissectorFaults.has(note))
    if (malformed !== '') complaints.push('malformed')
    if (!protocols.includes(message === undefined ? 'reload-framing' : 'reload-framing:reload')) complaints.push(`not seen as RELOAD: ${protocols}`)
    if (message !== undefined && Number(length) !== message.length) complaints.push(`length ${length} of ${message.length} bytes`)
    return { info, complaints }
  })
}

const JUDGED_PORT = 40_001

/** Each frame as a UDP datagram, each stream a conversation: Wireshark knows an ack by the data before it (libpcap format, raw IPv4). */
function pcapOf(frames: readonly Frame[]): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(262_144, 16)
  head.writeUInt32LE(101, 20)
  const packets = frames.map(({ stream, fromFirst, bytes }, i) => {
    const packet = Buffer.alloc(16 + 28 + bytes.length)
    packet.writeUInt32LE(Math.floor(i / 1000), 0)
    packet.writeUInt32LE(i % 1000 * 1000, 4)
    packet.writeUInt32LE(28 + bytes.length, 8)
    packet.writeUInt32LE(28 + bytes.length, 12)
    const ip = packet.subarray(16)
    ip.writeUInt16BE(0x4500, 0)
    ip.writeUInt16BE(28 + bytes.length, 2)
    ip.writeUInt16BE(0x4011, 8)
    ip.writeUInt32BE(0x7f00_0001, 12)
    ip.writeUInt32BE(0x7f00_0001, 16)
    const port = 1024 + stream % 32_000
    ip.writeUInt16BE(fromFirst ? port : JUDGED_PORT, 20)
    ip.writeUInt16BE(fromFirst ? JUDGED_PORT : port, 22)
    ip.writeUInt16BE(8 + bytes.length, 24)
    ip.set(bytes, 28)
    return packet
  })
  return Buffer.concat([head, ...packets])
}
