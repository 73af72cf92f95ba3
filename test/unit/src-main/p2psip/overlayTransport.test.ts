/** SIP connections over AppAttach pipes (RFC 7904 §5): which pipe is opened, shared, used again and closed. */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../../src-main/base/bytes.ts'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { OverlayTransport } from '../../../../src-main/p2psip/overlayTransport.ts'
import type { AppPipe } from '../../../../src-main/reload/overlay/overlay.ts'
import type { Connection } from '../../../../src-main/sip/transport/connection.ts'
import { nodeOf, ScriptedOverlay, ScriptedPipe } from '../../../support/scriptedOverlay.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const never = new AbortController().signal
const bob = [{ node: nodeOf(2) }]

function world() {
  const overlay = new ScriptedOverlay()
  const told: { connection: Connection; incoming: boolean }[] = []
  const transport = new OverlayTransport(overlay, (connection, incoming) => { told.push({ connection, incoming }) })
  /** AppAttaches wait until `open` or `fail`. */
  const held: { readonly node: Uint8Array; resolve: (pipe: AppPipe) => void; reject: (cause: Error) => void }[] = []
  const hold = (): void => { overlay.answer.attach = (node) => new Promise((resolve, reject) => { held.push({ node, resolve, reject }) }) }
  return { overlay, transport, told, held, hold }
}

describe('opening a connection (RFC 7904 §5.1)', () => {
  it('is an AppAttach for application 5060, told in the turn it opens, with the identity of the pipe’s certificate', async () => {
    const { overlay, transport, told } = world()
    const connection = await transport.connect([{ node: nodeOf(9) }, ...bob], never)
    expect(overlay.applications).toEqual([5060, 5061])
    expect(overlay.attached.map(({ destination, application }) => ({ destination, application }))).toEqual([{ destination: [{ node: nodeOf(9) }, ...bob], application: 5060 }])
    expect(connection).toMatchObject({ transport: 'TLS', reliable: true, peerIdentity: { aor: 'bob@office.example', nodeId: toHex(nodeOf(2)) } })
    expect(told).toEqual([{ connection, incoming: false }])
  })

  it('carries bytes both ways, and says once that it ended', async () => {
    const { overlay, transport } = world()
    const pipe = new ScriptedPipe(nodeOf(2))
    overlay.answer.attach = () => Promise.resolve(pipe)
    const connection = await transport.connect(bob, never)
    const heard: unknown[] = []
    connection.user = { onData: (bytes) => { heard.push(bytes) }, onClose: (cause) => { heard.push(cause ?? 'closed') } }
    connection.send(Uint8Array.of(1))
    pipe.user?.onData(Uint8Array.of(2))
    const cut = new Error('cut')
    pipe.user?.onClose(cut)
    pipe.user?.onClose()
    connection.close()
    connection.send(Uint8Array.of(3))
    expect(heard).toEqual([Uint8Array.of(2), cut])
    expect(pipe.sent).toEqual([Uint8Array.of(1)])
  })

  it('takes pipes for 5060 and for 5061, and none for other applications', () => {
    const { overlay, told } = world()
    for (const application of [5060, 5061, 5062]) overlay.opens(new ScriptedPipe(nodeOf(2), 'bob@office.example', application))
    expect(told.map(({ incoming }) => incoming)).toEqual([true, true])
  })

  it('refuses a destination that does not end in a node', async () => {
    const { overlay, transport } = world()
    for (const destination of [[], [{ resource: nodeOf(2) }]]) await expect(transport.connect(destination, never)).rejects.toMatchObject({ code: 'address-invalid' })
    expect(overlay.attached).toEqual([])
  })
})

describe('keep-alive (RFC 7904 §5.2, RFC 5626 §3.5.1)', () => {
  const pong = Uint8Array.of(13, 10)
  async function kept() {
    const clock = new VirtualClock()
    const overlay = new ScriptedOverlay()
    const transport = new OverlayTransport(overlay, () => undefined, clock)
    const pipe = new ScriptedPipe(nodeOf(2))
    overlay.answer.attach = () => Promise.resolve(pipe)
    await transport.connect(bob, never)
    return { clock, overlay, transport, pipe }
  }

  it('is a double CRLF between 95 and 120 s after the last, by the side that opened the connection', async () => {
    const { clock, overlay, pipe, transport } = await kept()
    const theirs = new ScriptedPipe(nodeOf(3))
    overlay.opens(theirs)
    for (let i = 1; i <= 4; i++) {
      clock.advance(94_000)
      expect(pipe.sent).toHaveLength(i - 1)
      clock.advance(16_000)
      expect(pipe.sent).toHaveLength(i)
    }
    expect(pipe.sent[0]).toEqual(Uint8Array.of(13, 10, 13, 10))
    expect(theirs.sent).toEqual([])
    transport.close()
    expect(clock.pending).toBe(0)
  })

  it('closes a connection whose other side has answered before and does no more; one that never answers stays', async () => {
    const { clock, pipe } = await kept()
    clock.advance(100_000)
    pipe.user?.onData(pong)
    clock.advance(110_000)
    expect([pipe.sent.length, pipe.closed]).toEqual([2, 0])
    clock.advance(10_000)
    expect([pipe.closed, clock.pending]).toEqual([1, 0])
    const other = await kept()
    other.clock.advance(1_000_000)
    expect(other.pipe.closed).toBe(0)
  })
})

describe('one pipe to a node', () => {
  it('is shared by callers at the same time', async () => {
    const { overlay, transport, held, hold, told } = world()
    hold()
    const callers = [transport.connect(bob, never), transport.connect(bob, never), transport.connect([{ node: nodeOf(9) }, ...bob], never)]
    expect(overlay.attached).toHaveLength(1)
    held[0]?.resolve(new ScriptedPipe(nodeOf(2)))
    expect(new Set(await Promise.all(callers)).size).toBe(1)
    expect(told).toHaveLength(1)
  })

  it('abort of one caller does not take it from the others', async () => {
    const { overlay, transport, held, hold } = world()
    hold()
    const first = new AbortController(), second = new AbortController()
    const callers = [transport.connect(bob, first.signal), transport.connect(bob, second.signal), transport.connect(bob, never)]
    const failures = [expect(callers[0]).rejects.toThrow('one'), expect(callers[1]).rejects.toThrow('two')]
    first.abort(new Error('one'))
    second.abort(new Error('two'))
    await Promise.all(failures)
    expect(overlay.attached.map(({ signal }) => signal.aborted)).toEqual([false])
    held[0]?.resolve(new ScriptedPipe(nodeOf(2)))
    expect((await callers[2])?.peerIdentity?.nodeId).toBe(toHex(nodeOf(2)))
    expect(overlay.attached).toHaveLength(1)
  })

  it('fails for all who wait, and is tried anew by the next', async () => {
    const { overlay, transport, held, hold } = world()
    hold()
    const waiting = [transport.connect(bob, never), transport.connect(bob, never)]
    const failures = waiting.map((caller) => expect(caller).rejects.toMatchObject({ code: 'peer-unreachable' }))
    held[0]?.reject(new PeerError('peer-unreachable'))
    await Promise.all(failures)
    const again = transport.connect(bob, never)
    expect(overlay.attached).toHaveLength(2)
    held[1]?.resolve(new ScriptedPipe(nodeOf(2)))
    await again
  })

  it('is used again for a new call while it is open (§5.1), and opened anew when it ended at either end', async () => {
    const { overlay, transport } = world()
    const pipes: ScriptedPipe[] = []
    overlay.answer.attach = (node) => { const pipe = new ScriptedPipe(node); pipes.push(pipe); return Promise.resolve(pipe) }
    const first = await transport.connect(bob, never)
    expect(await transport.connect(bob, never)).toBe(first)
    pipes[0]?.user?.onClose()
    const second = await transport.connect(bob, never)
    expect(second).not.toBe(first)
    second.close()
    expect(pipes[1]?.closed).toBe(1)
    expect(await transport.connect(bob, never)).not.toBe(second)
    expect(overlay.attached).toHaveLength(3)
  })

  it('is the one the other end opened, if it did', async () => {
    const { overlay, transport, told } = world()
    overlay.opens(new ScriptedPipe(nodeOf(2)))
    overlay.opens(new ScriptedPipe(nodeOf(3), 'carol@office.example', 4711))
    expect(told.map(({ connection, incoming }) => [connection.peerIdentity?.nodeId, incoming])).toEqual([[toHex(nodeOf(2)), true]])
    expect(await transport.connect(bob, never)).toBe(told[0]?.connection)
    expect(overlay.attached).toEqual([])
  })

  it('the newest when both ends opened one; the end of the older does not take it away', async () => {
    const { overlay, transport, told } = world()
    const older = new ScriptedPipe(nodeOf(2))
    overlay.opens(older)
    overlay.opens(new ScriptedPipe(nodeOf(2)))
    older.user?.onClose()
    expect(await transport.connect(bob, never)).toBe(told[1]?.connection)
  })

  it('of 257 the one asked for longest ago is closed, but first one that a newer has superseded', async () => {
    const { overlay, transport } = world()
    const pipes = Array.from({ length: 256 }, (_, i) => new ScriptedPipe(Uint8Array.of(i >> 8, i & 255, ...nodeOf(7).subarray(2))))
    for (const pipe of pipes) overlay.opens(pipe)
    await transport.connect([{ node: (pipes[0] as ScriptedPipe).peerNodeId }], never)
    overlay.opens(new ScriptedPipe(nodeOf(8)))
    expect(pipes.flatMap(({ closed }, i) => (closed > 0 ? [i] : []))).toEqual([1])
    overlay.opens(new ScriptedPipe((pipes[9] as ScriptedPipe).peerNodeId))
    expect(pipes.flatMap(({ closed }, i) => (closed > 0 ? [i] : []))).toEqual([1, 9])
  })

  it('of 257 the one opened longest ago is closed', () => {
    const { overlay } = world()
    const pipes = Array.from({ length: 257 }, (_, i) => new ScriptedPipe(Uint8Array.of(i >> 8, i & 255, ...nodeOf(7).subarray(2))))
    for (const pipe of pipes) overlay.opens(pipe)
    expect(pipes.flatMap(({ closed }, i) => (closed > 0 ? [i] : []))).toEqual([0])
  })
})

describe('stopping', () => {
  it('closes both of two pipes to one node', () => {
    const { overlay, transport } = world()
    const pipes = [new ScriptedPipe(nodeOf(2)), new ScriptedPipe(nodeOf(2))]
    for (const pipe of pipes) overlay.opens(pipe)
    transport.close()
    expect(pipes.map(({ closed }) => closed)).toEqual([1, 1])
  })

  it('closes what is open, gives up what is being opened, and takes no more pipes', async () => {
    const { overlay, transport, told, hold } = world()
    const pipe = new ScriptedPipe(nodeOf(3))
    overlay.opens(pipe)
    hold()
    overlay.answer.attach = (_node, signal) => new Promise((_resolve, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error) }) })
    const opening = expect(transport.connect(bob, never)).rejects.toMatchObject({ code: 'cancelled' })
    transport.close()
    await opening
    expect(pipe.closed).toBe(1)
    overlay.opens(new ScriptedPipe(nodeOf(4)))
    expect(told).toHaveLength(1)
  })
})
