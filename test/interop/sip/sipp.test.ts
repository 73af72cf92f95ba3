/** The standard scenarios of sipp (Debian's sip-tester), which knows nothing of Ringway, in both roles. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { OFFER } from '../../support/sipPeers.ts'
import { answering, callOnce, listeningElement, requireProgram, run } from './elements.ts'

const open: { close(): Promise<void> }[] = []
const running: { kill(): void }[] = []
afterEach(async () => {
  for (const program of running.splice(0)) program.kill()
  for (const element of open.splice(0)) await element.close()
})

const sipp = (args: string): ReturnType<typeof run> => {
  const program = run('sipp', [...args.split(' '), '-nostdin', '-i', '127.0.0.1', '-timeout', '60s', '-timeout_error'])
  running.push(program)
  return program
}

describe('sipp', () => {
  beforeAll(() => { requireProgram('sipp') })

  for (const [transport, flag] of [['UDP', 'u1'], ['TCP', 't1']] as const) {
    it(`as caller over ${transport}: 200 calls at 50 a second, none fails, nothing is left`, async () => {
      const heard: string[] = []
      const bob = await listeningElement('bob', answering((what) => { heard.push(what) }))
      open.push(bob.element)
      const { code, output } = await sipp(`-sn uac 127.0.0.1:${bob.address.port} -t ${flag} -m 200 -r 50 -d 100`).done
      expect(output, output).toMatch(/Failed call\s*\|\s*0\s*\|\s*0/)
      expect(code).toBe(0)
      expect(heard.filter((h) => h === 'established')).toHaveLength(200)
      expect(heard.filter((h) => h.startsWith('ended'))).toHaveLength(200)
      expect(bob.element.userAgent.size).toBe(0)
    })

    it(`as callee over ${transport}: answered and hung up`, async () => {
      const port = transport === 'UDP' ? 5093 : 5094
      const uas = sipp(`-sn uas -p ${port} -t ${flag} -m 5`)
      await new Promise((done) => setTimeout(done, 700))
      const alice = await listeningElement('alice')
      open.push(alice.element)
      const remote = { host: '127.0.0.1', port }
      const connection = transport === 'UDP' ? alice.element.udpFlow(remote) : await alice.element.connectTcp(remote, AbortSignal.timeout(5000))
      for (let i = 0; i < 5; i++) expect(await callOnce(alice.element, { connection, requestUri: `sip:service@127.0.0.1:${port}` }, OFFER, 20)).toEqual(['180', 'answered'])
      const { code } = await uas.done
      expect(code).toBe(0)
    })
  }

  it('as controller of a third-party call (RFC 3725 flow I): both sides are our user agents, one without an offer', async () => {
    const heard: string[] = []
    const alice = await listeningElement('alice', answering((what) => { heard.push(`alice ${what}`) })), bob = await listeningElement('bob', answering((what) => { heard.push(`bob ${what}`) }))
    open.push(alice.element, bob.element)
    const twin = `127.0.0.1:${20_000 + (process.pid % 20_000)}`
    const toBob = sipp(`-sn 3pcc-C-B 127.0.0.1:${bob.address.port} -3pcc ${twin} -p 5096 -m 5`)
    await new Promise((done) => setTimeout(done, 700))
    const toAlice = sipp(`-sn 3pcc-C-A 127.0.0.1:${alice.address.port} -3pcc ${twin} -p 5097 -m 5`)
    for (const { code, output } of await Promise.all([toBob.done, toAlice.done])) expect(code, output).toBe(0)
    for (const who of ['alice', 'bob']) expect([who, heard.filter((h) => h === `${who} established`).length]).toEqual([who, 5])
  })

  it('with a tenth of the packets lost: every call is completed', async () => {
    const bob = await listeningElement('bob')
    open.push(bob.element)
    const { code, output } = await sipp(`-sn uac 127.0.0.1:${bob.address.port} -m 50 -r 50 -d 100 -lost 10`).done
    expect(code, output).toBe(0)
  })
})
