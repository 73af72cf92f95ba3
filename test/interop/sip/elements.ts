/** Elements on real sockets for the tests in this folder. */
import { spawn, spawnSync } from 'node:child_process'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import { createSipElement, type SipElement } from '../../../src-main/sip/element/element.ts'
import type { InviteClientCall, Leg, UserAgentUser } from '../../../src-main/sip/ua/userAgent.ts'
import { ANSWER, quietLog } from '../../support/sipPeers.ts'

const PIDF = '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@office.example"><tuple id="t"><status><basic>open</basic></status></tuple></presence>'

/** Rings and answers each call, answers each message, and says 'open' (RFC 3863) to each subscriber. */
export function answering(note: (what: string) => void = () => {}): UserAgentUser {
  return {
    onInvite: (call) => {
      call.user = {
        onCancelled: (reason) => { note(`cancelled ${reason}`) }, onEstablished: () => { note('established') },
        onEnded: (reason) => { note(`ended ${reason.text}`) }, onOffer: () => ANSWER,
      }
      call.ring()
      call.accept(ANSWER)
    },
    onMessage: (message) => { note(`message ${new TextDecoder().decode(message.body)}`); message.respond(200, String(message.body.length)) },
    onSubscribe: (subscription) => {
      note(`subscribe ${subscription.event}`)
      subscription.user = { onEnded: () => { note('unsubscribed') } }
      subscription.accept('active')
      subscription.notify('application/pidf+xml', new TextEncoder().encode(PIDF))
    },
  }
}

export async function listeningElement(name: string, user: UserAgentUser = answering()) {
  const element = createSipElement({
    clock: createNodeClock(), random: createNodeRandom(), network: createNodeNetwork(), log: quietLog, user,
    local: () => ({ aor: `${name}@office.example`, displayName: '' }),
  })
  return { element, address: await element.listen({ host: '127.0.0.1', port: 0 }) }
}

/** One call, ended `holdMs` after its answer: resolves with what the caller was told, in order. */
export function callOnce(from: SipElement, leg: Leg, offer: string, holdMs = 0): Promise<string[]> {
  return new Promise((done) => {
    const heard: string[] = []
    const placed: InviteClientCall = from.userAgent.invite(leg, { to: 'bob@office.example', offer }, {
      onProgress: (status) => { heard.push(String(status)) },
      onAnswered: (answer) => { heard.push(answer.startsWith('v=0') ? 'answered' : 'no SDP'); setTimeout(() => { placed.end(); setTimeout(() => { done(heard) }, 50) }, holdMs) },
      onFailed: (status) => { heard.push(`failed ${status}`); done(heard) },
      onEnded: () => { heard.push('ended'); done(heard) },
      onOffer: () => ANSWER,
    })
  })
}

function installed(program: string): boolean { return spawnSync('which', [program]).status === 0 }

/** Debian's packages of the programs that these tests run. */
const PACKAGES = { sipp: 'sip-tester', baresip: 'baresip-core', linphonec: 'linphone-cli' } as const

/** A test that cannot run fails, in one line that says what to install: one that is skipped would prove nothing. */
export function requireProgram(program: keyof typeof PACKAGES): void {
  if (!installed(program)) throw new Error(`${program} is missing: sudo apt-get install ${PACKAGES[program]}`)
}

/** Runs a program to its end; resolves with its exit code and what it printed. */
export function run(program: string, args: readonly string[]): { readonly done: Promise<{ code: number; output: string }>; kill(): void } {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { output += chunk.toString() })
  const done = new Promise<{ code: number; output: string }>((resolve) => { child.on('close', (code) => { resolve({ code: code ?? -1, output }) }) })
  return { done, kill: () => { child.kill() } }
}
