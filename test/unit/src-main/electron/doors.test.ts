import { EventEmitter } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { channels } from '../../../../src-main/electron/channels.ts'
import { WindowDoors } from '../../../../src-main/electron/doors.ts'
import type { Port } from '../../../../src-shared/ipc/port.ts'

const origin = 'ringway-app://ui'
const settle = (): Promise<void> => new Promise((done) => { setImmediate(done) })

class Contents extends EventEmitter {
  sent: unknown[][] = []
  mainFrame = { url: `${origin}/index.html#/chats` }
  send(...args: unknown[]): void { this.sent.push(args) }
  isDestroyed(): boolean { return false }
  isLoading(): boolean { return false }
}

function setUp() {
  const ipc = new EventEmitter()
  const user = { onRelay: vi.fn(), refused: vi.fn() }
  const doors = new WindowDoors(ipc as never, [origin], user)
  const served: Port[] = []
  const received: string[] = []
  const peer = { serve: (port: Port) => { served.push(port); port.onFrame = (frame) => { received.push(frame) } } }
  const from = (contents: Contents, channel: string, ...args: unknown[]): void => { ipc.emit(channel, { sender: contents, senderFrame: contents.mainFrame }, ...args) }
  return { ipc, user, doors, peer, served, received, from }
}

describe('doors between windows and peer', () => {
  it('carries frames both ways for an admitted window', async () => {
    const { doors, peer, served, received, from } = setUp()
    const window = new Contents()
    doors.admit(window as never)
    doors.connect(peer)
    from(window, channels.open)
    from(window, channels.frame, '{"a":1}')
    await settle()
    expect(received).toEqual(['{"a":1}'])
    served.at(-1)?.send('{"b":2}')
    await settle()
    expect(window.sent).toEqual([[channels.frame, '{"b":2}']])
  })

  it('keeps what a page says before the peer is open', async () => {
    const { doors, peer, received, from } = setUp()
    const window = new Contents()
    doors.admit(window as never)
    from(window, channels.open)
    from(window, channels.frame, 'early')
    doors.connect(peer)
    await settle()
    expect(received).toEqual(['early'])
  })

  it('refuses strangers, frames in a page, and pages that are not ours', async () => {
    const { doors, peer, received, user, ipc, from } = setUp()
    const window = new Contents(), stranger = new Contents()
    doors.admit(window as never)
    doors.connect(peer)
    from(stranger, channels.frame, 'x')
    ipc.emit(channels.frame, { sender: window, senderFrame: { url: `${origin}/index.html` } }, 'x')
    ipc.emit(channels.frame, { sender: window, senderFrame: null }, 'x')
    window.mainFrame = { url: 'https://example.invalid/' }
    from(window, channels.frame, 'x')
    await settle()
    expect(received).toEqual([])
    expect(user.refused).toHaveBeenCalledTimes(4)
  })

  it('refuses what is no frame and what is no command', () => {
    const { doors, peer, user, from } = setUp()
    const window = new Contents()
    doors.admit(window as never)
    doors.connect(peer)
    from(window, channels.frame, { not: 'text' })
    from(window, channels.frame, 'x'.repeat(2_000_001))
    from(window, channels.relay, { kind: 'shell', command: 'rm' })
    expect(user.refused).toHaveBeenCalledTimes(3)
    from(window, channels.relay, { kind: 'answer', call: 'c1' })
    expect(user.onRelay).toHaveBeenCalledExactlyOnceWith({ kind: 'answer', call: 'c1' })
  })

  it('closes the old door when a page loads again, and the last when its window goes', async () => {
    const { doors, peer, served, from } = setUp()
    const window = new Contents()
    const closed: number[] = []
    doors.admit(window as never)
    doors.connect({ serve: (port) => { peer.serve(port); const at = served.length - 1; port.onClose = () => { closed.push(at) } } })
    await settle()
    const first = served.length - 1
    from(window, channels.open)
    await settle()
    expect(closed).toEqual([first])
    window.emit('destroyed')
    await settle()
    expect(closed).toEqual([first, first + 1])
  })
})
