/** baresip 1.0.0 as a phone for tests: a profile of its own, a steady tone as microphone, what it hears in a WAV file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface BaresipOptions {
  /** value of the accounts file: address and parameters */
  readonly account: string
  readonly sipPort: number
  readonly controlPort: number
  readonly toneHz: number
  /** codec modules */
  readonly codecs: readonly string[]
  readonly contacts?: string
  /** modules beside the usual ones, such as mwi */
  readonly apps?: readonly string[]
  /** SIP messages in `output` */
  readonly trace?: boolean
  /** address or interface it binds to */
  readonly host?: string
  /** PEM file of the authority that a server's certificate must come from: for TLS */
  readonly caFile?: string
}

export interface BaresipEvent { readonly type?: string; readonly param?: string; readonly peeruri?: string; readonly rtcp_stats?: { readonly tx: { readonly sent: number } } }

export class BaresipPhone {
  readonly events: BaresipEvent[] = []
  output = ''
  private readonly directory = mkdtempSync(join(tmpdir(), 'baresip-'))
  private process: ChildProcess | undefined
  private control: Socket | undefined

  constructor(private readonly options: BaresipOptions) {}

  async start(): Promise<void> {
    const { account, sipPort, controlPort, toneHz, codecs, contacts = '', host = '127.0.0.1', caFile } = this.options
    mkdirSync(join(this.directory, 'rec'))
    const modules = [...codecs, 'ausine', 'aubridge', 'sndfile', 'stun', 'turn', 'ice', 'srtp', 'dtls_srtp', 'uuid'].map((m) => `module ${m}.so`)
    const apps = ['menu', 'ctrl_tcp', 'contact', 'presence', 'debug_cmd', ...this.options.apps ?? []].map((m) => `module_app ${m}.so`)
    writeFileSync(join(this.directory, 'config'), [
      'poll_method epoll', `sip_listen ${host}:${sipPort}`, ...(host === '127.0.0.1' ? ['net_interface 127.0.0.1'] : []), ...(caFile === undefined ? [] : [`sip_cafile ${caFile}`]), 'call_local_timeout 30', 'call_max_calls 8',
      `audio_source ausine,${toneHz}`, `audio_player aubridge,sink-${sipPort}`, `audio_alert aubridge,alert-${sipPort}`,
      'ausrc_srate 48000', 'ausrc_channels 2', 'auplay_srate 48000', 'auplay_channels 2', 'audio_level no',
      'ausrc_format s16', 'auplay_format s16', 'auenc_format s16', 'audec_format s16', 'audio_buffer 20-160', `rtp_ports ${sipPort + 4000}-${sipPort + 4100}`,
      'rtcp_mux yes', 'jitter_buffer_delay 5-10', 'rtp_stats yes', `snd_path ${join(this.directory, 'rec')}`, 'opus_bitrate 32000',
      'module_path /usr/lib/baresip/modules', ...modules, 'module_tmp account.so', ...apps, `ctrl_tcp_listen 127.0.0.1:${controlPort}`, '',
    ].join('\n'))
    writeFileSync(join(this.directory, 'accounts'), `${account}\n`)
    writeFileSync(join(this.directory, 'contacts'), `${contacts}\n`)
    this.process = spawn('baresip', ['-f', this.directory, '-t', '120', ...(this.options.trace === true ? ['-s'] : [])], { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer): void => { this.output = (this.output + chunk.toString('latin1').replace(/\[[\d:]+\] audio=[^\r]*\r+/g, '').replace(/^\s*\r/gm, '')).slice(-100_000) }
    this.process.stdout?.on('data', keep)
    this.process.stderr?.on('data', keep)
    for (let attempt = 0; this.control === undefined; attempt++) {
      await new Promise((done) => setTimeout(done, 200))
      this.control = await new Promise<Socket | undefined>((done) => {
        const socket = connect(controlPort, '127.0.0.1', () => { done(socket) })
        socket.on('error', () => { done(undefined) })
      })
      if (attempt > 50) throw new Error(`baresip does not start: ${this.output}`)
    }
    let text = ''
    this.control.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':')) { // netstrings
        const length = Number(text.slice(0, colon))
        if (text.length < colon + length + 2) return
        this.events.push(JSON.parse(text.slice(colon + 1, colon + 1 + length)) as BaresipEvent)
        text = text.slice(colon + length + 2)
      }
    })
  }

  command(command: string, params?: string): void {
    const text = JSON.stringify({ command, ...(params === undefined ? {} : { params }), token: '1' })
    this.control?.write(`${Buffer.byteLength(text)}:${text},`)
  }

  /** Recordings of what it heard, oldest first: 16-bit samples, of one channel. */
  heard(): { sampleRate: number; samples: Float32Array }[] {
    const folder = join(this.directory, 'rec')
    return readdirSync(folder).filter((name) => name.endsWith('dec.wav')).sort().map((name) => readRecording(readFileSync(join(folder, name))))
  }

  saw(type: string): boolean { return this.events.some((event) => event.type === type) }

  /** As a power cut does: nothing is said to anybody. */
  kill(): void { this.process?.kill('SIGKILL') }

  async stop(): Promise<void> {
    const { process } = this
    this.control?.destroy()
    if (process !== undefined && process.exitCode === null && process.signalCode === null) {
      const gone = new Promise((done) => process.once('exit', done))
      process.kill()
      const late = setTimeout(() => process.kill('SIGKILL'), 3_000)
      await gone
      clearTimeout(late)
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** The length in the header is written at the end of the call only: the data goes to the end of the file. */
export function readRecording(bytes: Buffer): { sampleRate: number; samples: Float32Array } {
  const channels = bytes.readUInt16LE(22), sampleRate = bytes.readUInt32LE(24)
  const start = bytes.indexOf('data') + 8
  const count = Math.floor((bytes.length - start) / 2 / channels)
  return { sampleRate, samples: Float32Array.from({ length: count }, (_, i) => bytes.readInt16LE(start + i * 2 * channels) / 32_768) }
}

export async function until(condition: () => boolean, what: () => string, seconds = 10): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > seconds * 20) throw new Error(`not in ${seconds} s: ${what()}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}
