/** linphonec (Debian's linphone-cli 5.1) as a phone for tests: a folder of its own, a tone as microphone, what it hears in a WAV file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTone } from '../../../src-main/media/tone.ts'
import { until } from './baresipPhone.ts'

export interface LinphoneOptions {
  readonly user: string
  readonly password: string
  readonly domain: string
  /** host:port of its registrar and outbound proxy */
  readonly proxy: string
  readonly transport: 'udp' | 'tcp' | 'tls'
  /** for TLS: PEM file of the authority that the server's certificate must come from */
  readonly caFile?: string
  /** for TLS: the certificate must also name the server's host */
  readonly verifiesName?: boolean
  readonly sipPort: number
  readonly toneHz: number
  /** the only codec it may use */
  readonly codec: 'opus' | 'PCMU'
  readonly autoAnswer?: boolean
  /** without it, it has no account with the proxy, to which it would send even what a 302 sends elsewhere */
  readonly registers?: boolean
  /** whom it watches: address or name-addr */
  readonly watches?: string
  /** who may watch it */
  readonly watchedBy?: string
}

/** those that it would use by itself */
const CODECS = [['opus', 48_000, 2], ['speex', 16_000, 1], ['speex', 8_000, 1], ['PCMU', 8_000, 1], ['PCMA', 8_000, 1], ['G729', 8_000, 1]] as const

export class LinphonePhone {
  /** what its console has said */
  output = ''
  private readonly directory = mkdtempSync(join(tmpdir(), 'linphone-'))
  private process: ChildProcess | undefined

  constructor(private readonly options: LinphoneOptions) {}

  /** Resolves when it is registered, with files for sound. */
  async start(): Promise<void> {
    const { user, password, domain, proxy, transport, sipPort, codec, autoAnswer = false, caFile, verifiesName = false, watches, watchedBy, registers = true } = this.options
    // without this folder it has no database, and without a database no chat
    mkdirSync(join(this.directory, '.local/share/linphone'), { recursive: true })
    mkdirSync(join(this.directory, '.config/linphone'), { recursive: true })
    const server = `<sip:${proxy};transport=${transport}>`
    writeFileSync(join(this.directory, 'linphonerc'), [
      '[sip]', `sip_port=${transport === 'udp' ? sipPort : 0}`, `sip_tcp_port=${transport === 'tcp' ? sipPort : 0}`, `sip_tls_port=${transport === 'tls' ? sipPort : 0}`, `default_proxy=${registers ? 0 : -1}`, ...(registers ? [] : [`contact=sip:${user}@${domain}`]),
      ...(caFile === undefined ? [] : [`root_ca=${caFile}`, 'verify_server_certs=1', `verify_server_cn=${verifiesName ? 1 : 0}`]),
      'guess_hostname=0', 'use_ipv6=0', 'media_encryption=none',
      '[net]', 'mtu=0', '[rtp]', `audio_rtp_port=${sipPort + 2000}`,
      '[misc]', 'uuid=00000000-0000-4000-8000-000000000001', 'log_collection_upload_server_url=', 'version_check_url_root=',
      '[auth_info_0]', `username=${user}`, `passwd=${password}`, `realm=${domain}`, `domain=${domain}`,
      ...(registers ? ['[proxy_0]', `reg_proxy=${server}`, `reg_route=${server}`, `reg_identity=sip:${user}@${domain}`, 'reg_expires=60', 'reg_sendregister=1', 'publish=0', 'avpf=0'] : []),
      ...CODECS.flatMap(([mime, rate, channels], i) => [`[audio_codec_${i}]`, `mime=${mime}`, `rate=${rate}`, `channels=${channels}`, `enabled=${mime === codec ? 1 : 0}`]),
      ...[[watches, 1], [watchedBy, 0]].filter(([address]) => address !== undefined).flatMap(([address, subscribe], i) => [`[friend_${i}]`, `url=${address}`, 'pol=accept', `subscribe=${subscribe}`]), '',
    ].join('\n'))
    this.process = spawn('linphonec', ['-c', join(this.directory, 'linphonerc'), '-d', '6', '-l', join(this.directory, 'log')], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, HOME: this.directory, XDG_DATA_HOME: join(this.directory, '.local/share'), XDG_CONFIG_HOME: join(this.directory, '.config'), XDG_CACHE_HOME: join(this.directory, '.cache') },
    })
    const keep = (chunk: Buffer): void => { this.output = (this.output + chunk.toString()).slice(-100_000) }
    this.process.stdout?.on('data', keep)
    this.process.stderr?.on('data', keep)
    await until(() => (registers ? this.log.includes('to [LinphoneRegistrationOk]') : this.output.includes('linphonec>')), () => this.tail(), 20)
    if (autoAnswer) this.command('autoanswer enable')
    this.command('soundcard use files')
    this.record()
    this.play()
  }

  /** What it hears from now on goes into `recording`, in the place of what was there. */
  record(): void { this.command(`record ${this.recording}`) }

  /** The ids of its calls, as its commands want them, oldest first. */
  callIds(): string[] { return [...new Set([...this.output.matchAll(/Call (\d+)/g)].map((match) => match[1] ?? ''))].slice(-2) }

  /** States that its calls have entered, by linphone's names. @param from position in its log */
  callStates(from: number): string[] { return [...this.log.slice(from).matchAll(/CallSession \[0x\w+\] moving from state \w+ to LinphoneCall(\w+)/g)].map((match) => match[1] ?? '') }

  /** Its tone from the start of the file on. */
  play(): void {
    const path = join(this.directory, 'tone.wav')
    if (!existsSync(path)) writeTone(path, { hz: this.options.toneHz, seconds: 30, sampleRate: 8_000 })
    this.command(`play ${path}`)
  }

  /** It takes its time: about one command in half a second. */
  command(line: string): void { this.process?.stdin?.write(`${line}\n`) }

  get recording(): string { return join(this.directory, 'heard.wav') }

  /** its log of SIP and all else */
  get log(): string {
    const path = join(this.directory, 'log')
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  /** what to look at when a test fails */
  tail(): string { return `${this.output.slice(-3_000)}\n${this.log.slice(-6_000)}` }

  async stop(): Promise<void> {
    const { process } = this
    if (process !== undefined && process.exitCode === null && process.signalCode === null) {
      const gone = new Promise((done) => process.once('exit', done))
      this.command('quit') // it unregisters
      const late = setTimeout(() => process.kill('SIGKILL'), 5_000)
      await gone
      clearTimeout(late)
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}
