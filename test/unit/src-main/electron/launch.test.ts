import { describe, expect, it } from 'vitest'
import { commandLine, parseLaunch } from '../../../../src-main/electron/launch.ts'
import { commandOfLink, shellCommand } from '../../../../src-main/electron/shellCommand.ts'
import { microphoneAllowed } from '../../../../src-main/electron/microphoneGate.ts'
import type { CallView } from '../../../../src-shared/model/index.ts'

describe('what the desktop app is started with', () => {
  it('takes a profile as --profile DIR and --profile=DIR, from where it was started', () => {
    expect(parseLaunch(['.', '--profile', 'second'], '/home/bob').profile).toBe('/home/bob/second')
    expect(parseLaunch(['--profile=/var/second'], '/home/bob').profile).toBe('/var/second')
    expect(parseLaunch(['.'], '/home/bob').profile).toBeUndefined()
  })

  it('leaves switches of Chromium and the app folder alone', () => {
    const launch = parseLaunch(['--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', '/opt/ringway', '--hidden'], '/')
    expect(launch).toEqual({ profile: undefined, hidden: true, listen: undefined, bootstrap: [], multicast: true, link: undefined })
  })

  it('reads how the peer meets the network, IPv6 in brackets', () => {
    const launch = parseLaunch(['--listen', '127.0.0.1:7001', '--bootstrap=[::1]:6084', '--bootstrap', 'peer.example:6085', '--no-multicast'], '/')
    expect(launch.listen).toEqual({ host: '127.0.0.1', port: 7001 })
    expect(launch.bootstrap).toEqual([{ host: '::1', port: 6084 }, { host: 'peer.example', port: 6085 }])
    expect(launch.multicast).toBe(false)
  })

  it('drops addresses that are none', () => {
    expect(parseLaunch(['--listen', 'nowhere', '--bootstrap', 'a:b', '--bootstrap', 'a:99999'], '/')).toMatchObject({ listen: undefined, bootstrap: [] })
  })

  it('finds the link that was clicked, and only links of its own schemes', () => {
    expect(parseLaunch(['.', 'ringway://join?x=1'], '/').link).toBe('ringway://join?x=1')
    expect(parseLaunch(['.', 'SIP:bob@office.example'], '/').link).toBe('SIP:bob@office.example')
    expect(parseLaunch(['.', 'https://example.invalid/', 'javascript:1'], '/').link).toBeUndefined()
  })
})

describe('the command line of the packaged app', () => {
  it('is taken when a command is given, wherever the options stand, without what is for Chromium', () => {
    expect(commandLine(['--no-sandbox', '--profile', '/tmp/p', 'status', '--json'])).toEqual(['--profile', '/tmp/p', 'status', '--json'])
    expect(commandLine(['call', 'sip:bob@office.example'])).toEqual(['call', 'sip:bob@office.example'])
  })
  it('is not taken for a profile, a link or nothing', () => {
    for (const argv of [[], ['--profile', 'status'], ['sip:bob@office.example'], ['--hidden'], ['--profile', '/tmp/p', 'ringway://join?x']]) expect(commandLine(argv)).toBeUndefined()
  })
})

describe('commands for the main window', () => {
  it('fills in an address for a sip: link and an invitation for a ringway: link, and starts neither', () => {
    expect(commandOfLink('sip:bob@office.example')).toEqual({ kind: 'dial', uri: 'sip:bob@office.example' })
    expect(commandOfLink('ringway://join?o=1')).toEqual({ kind: 'join', link: 'ringway://join?o=1' })
    expect(commandOfLink('file:///etc/passwd')).toBeUndefined()
  })

  it('refuses what is not a command', () => {
    expect(shellCommand.safeParse({ kind: 'answer', call: 'c1' }).success).toBe(true)
    for (const wrong of [undefined, {}, { kind: 'run', path: '/bin/sh' }, { kind: 'answer' }, { kind: 'answer', call: 'c1', more: 1 }, { kind: 'open', path: 'x'.repeat(5000) }]) {
      expect(shellCommand.safeParse(wrong).success).toBe(false)
    }
  })
})

describe('the microphone gate', () => {
  const call = (state: CallView['state']): CallView => ({
    id: 'c', direction: 'in', remote: { aor: 'a@b', displayName: '', verified: true }, state, muted: false, heldByMe: false, heldByThem: false, digits: '', transfer: null, continues: null, referredBy: null, engine: 'client', security: 'unknown', codec: '',
    startedAt: 0, answeredAt: null, endedAt: null, end: null,
  })
  const chats = 'ringway-app://ui/index.html#/chats'

  it('is closed without a call', () => {
    expect(microphoneAllowed([], chats)).toBe(false)
    expect(microphoneAllowed([call('ended')], chats)).toBe(false)
    expect(microphoneAllowed([], 'ringway-app://ui/index.html#/chats/%23%2Fsettings')).toBe(false)
  })

  it('is open around a call, from finding to its end', () => {
    for (const state of ['finding', 'calling', 'ringing', 'incoming', 'connecting', 'active'] as const) expect(microphoneAllowed([call('ended'), call(state)], chats)).toBe(true)
  })

  it('is open in the settings, where the sound check is', () => {
    expect(microphoneAllowed([], 'ringway-app://ui/index.html#/settings/sound')).toBe(true)
    expect(microphoneAllowed([], 'ringway-app://ui/index.html#/settings/soundandmore')).toBe(false)
    expect(microphoneAllowed([], 'ringway-app://ui/index.html#/settings/profile')).toBe(false)
  })
})
