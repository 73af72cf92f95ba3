/** baresip (Debian's baresip-core), a phone that knows nothing of Ringway: calls both ways, a message, presence. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OFFER } from '../../support/sipPeers.ts'
import { answering, callOnce, listeningElement, requireProgram } from './elements.ts'

const SIP_PORT = 5083, CONTROL_PORT = 4483

class Baresip {
  readonly events: { type?: string; response?: boolean; ok?: boolean }[] = []
  private readonly directory = mkdtempSync(join(tmpdir(), 'baresip-'))
  private process: ChildProcess | undefined
  private control: Socket | undefined

  async start(contact: string): Promise<void> {
    mkdirSync(join(this.directory, 'rec'))
    const modules = ['g711.so', 'ausine.so', 'aubridge.so', 'uuid.so'].map((m) => `module ${m}`)
    const apps = ['menu.so', 'ctrl_tcp.so', 'contact.so', 'presence.so'].map((m) => `module_app ${m}`)
    writeFileSync(join(this.directory, 'config'), [
      'poll_method epoll', `sip_listen 127.0.0.1:${SIP_PORT}`, 'net_interface 127.0.0.1', 'audio_source ausine,440', 'audio_player aubridge,sink',
      'audio_alert aubridge,alert', 'ausrc_srate 48000', 'ausrc_channels 2', 'auplay_srate 48000', 'auplay_channels 2', 'rtp_ports 16000-16100',
      'module_path /usr/lib/baresip/modules', ...modules, 'module_tmp account.so', ...apps, `ctrl_tcp_listen 127.0.0.1:${CONTROL_PORT}`, '',
    ].join('\n'))
    writeFileSync(join(this.directory, 'accounts'), `<sip:phone@127.0.0.1:${SIP_PORT};transport=udp>;regint=0;answermode=auto;audio_codecs=PCMU\n`)
    writeFileSync(join(this.directory, 'contacts'), `"Bob" <${contact}>;presence=p2p\n`)
    this.process = spawn('baresip', ['-f', this.directory, '-t', '60'], { stdio: 'ignore' })
    for (let attempt = 0; this.control === undefined; attempt++) {
      await new Promise((done) => setTimeout(done, 200))
      this.control = await new Promise<Socket | undefined>((done) => {
        const socket = connect(CONTROL_PORT, '127.0.0.1', () => { done(socket) })
        socket.on('error', () => { done(undefined) })
      })
      if (attempt > 50) throw new Error('baresip does not start')
    }
    let text = ''
    this.control.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':')) { // netstrings
        const length = Number(text.slice(0, colon))
        if (text.length < colon + length + 2) return
        this.events.push(JSON.parse(text.slice(colon + 1, colon + 1 + length)) as { type?: string })
        text = text.slice(colon + length + 2)
      }
    })
  }

  /** Its control port opens before its account is read; without a current account it sends no message. */
  async ready(): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const answers = this.events.filter((e) => e.response === true).length
      this.command('uafind', `sip:phone@127.0.0.1:${SIP_PORT}`)
      await until(() => this.events.filter((e) => e.response === true).length > answers, () => 'no answer of baresip')
      if (this.events.findLast((e) => e.response === true)?.ok === true) return
      await new Promise((done) => setTimeout(done, 100))
    }
    throw new Error('baresip has no account')
  }

  command(command: string, params?: string): void {
    const text = JSON.stringify({ command, ...(params === undefined ? {} : { params }), token: '1' })
    this.control?.write(`${Buffer.byteLength(text)}:${text},`)
  }

  /** Its ports are free when this resolves. */
  async stop(): Promise<void> {
    this.control?.destroy()
    const { process } = this
    if (process !== undefined && process.exitCode === null && process.signalCode === null) {
      const gone = new Promise<void>((done) => { process.once('exit', () => { done() }) })
      process.kill('SIGKILL')
      await gone
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 100) throw new Error(`not in 10 s: ${what()}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}

describe('baresip', () => {
  beforeAll(() => { requireProgram('baresip') })

  let heard: string[]
  let bob: Awaited<ReturnType<typeof listeningElement>>
  let phone: Baresip
  const dump = () => JSON.stringify([heard, phone.events])
  beforeEach(async () => {
    heard = []
    bob = await listeningElement('bob', answering((what) => { heard.push(what) }))
    phone = new Baresip()
    await phone.start(`sip:bob@127.0.0.1:${bob.address.port}`)
    await phone.ready()
  })
  afterEach(async () => { await phone.stop(); await bob.element.close() })

  it('calls us: ringing, established, hung up by the phone', async () => {
    phone.command('dial', `sip:bob@127.0.0.1:${bob.address.port}`)
    await until(() => heard.includes('established') && phone.events.some((e) => e.type === 'CALL_ESTABLISHED'), dump)
    expect(phone.events.some((e) => e.type === 'CALL_RINGING')).toBe(true)
    phone.command('hangup')
    await until(() => heard.some((h) => h.startsWith('ended')), dump)
    expect(bob.element.userAgent.size - 1).toBeLessThanOrEqual(0) // at most its presence subscription
  })

  it('is called by us and answers, over UDP and over TCP', async () => {
    const remote = { host: '127.0.0.1', port: SIP_PORT }
    for (const connection of [bob.element.udpFlow(remote), await bob.element.connectTcp(remote, AbortSignal.timeout(5000))]) {
      const before = phone.events.length
      const told = await callOnce(bob.element, { connection, requestUri: `sip:phone@127.0.0.1:${SIP_PORT}` }, OFFER, 300)
      expect(told.at(-1), dump()).toBe('answered')
      await until(() => phone.events.slice(before).some((e) => e.type === 'CALL_CLOSED'), dump)
    }
  })

  it('subscribes to our presence and gets a NOTIFY', async () => {
    await until(() => heard.includes('subscribe presence'), dump)
    await new Promise((done) => setTimeout(done, 300))
    expect(heard).not.toContain('unsubscribed') // it took the NOTIFY
  })

  it('sends us a message, and takes one', async () => {
    phone.command('contact_next')
    phone.command('message', 'hello-from-the-phone')
    await until(() => heard.some((h) => h.startsWith('message')), dump)
    expect(heard).toContain('message hello-from-the-phone')
    const leg = { connection: bob.element.udpFlow({ host: '127.0.0.1', port: SIP_PORT }), requestUri: `sip:phone@127.0.0.1:${SIP_PORT}` }
    const response = await bob.element.userAgent.request(leg, 'MESSAGE', { to: `phone@127.0.0.1:${SIP_PORT}`, contentType: 'text/plain', body: new TextEncoder().encode('hi') }, AbortSignal.timeout(5000))
    expect(response.status).toBe(200)
  })
})
