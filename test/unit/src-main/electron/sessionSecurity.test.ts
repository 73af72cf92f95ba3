import { EventEmitter } from 'node:events'
import { describe, expect, it, vi } from 'vitest'

vi.mock('electron', () => ({ protocol: {} }))
const { appOrigin, fileOfUrl } = await import('../../../../src-main/electron/appScheme.ts')
const { secureContents, secureSession } = await import('../../../../src-main/electron/sessionSecurity.ts')

type Session = Parameters<typeof secureSession>[0]
type App = Parameters<typeof secureContents>[0]
type Contents = Parameters<Parameters<typeof secureSession>[1]['microphoneAllowed']>[0]

const page = `${appOrigin}/index.html`

function guarded(microphone = false) {
  const set: Record<string, (...args: never[]) => unknown> = {}
  const keep = (name: string) => (handler: (...args: never[]) => unknown) => { set[name] = handler }
  const session = {
    setPermissionRequestHandler: keep('request'), setPermissionCheckHandler: keep('check'), setDevicePermissionHandler: keep('device'),
    setDisplayMediaRequestHandler: keep('display'), setSpellCheckerEnabled: vi.fn(), webRequest: { onBeforeRequest: keep('before') },
  }
  const refused = vi.fn()
  secureSession(session as unknown as Session, { origins: [appOrigin], microphoneAllowed: () => microphone, refused })
  const ask = (permission: string, details: object = {}): boolean => {
    let answer: boolean | undefined
    set.request?.(...([{}, permission, (granted: boolean) => { answer = granted }, { requestingUrl: page, isMainFrame: true, ...details }] as never[]))
    return answer as boolean
  }
  const check = (permission: string, origin = `${appOrigin}/`, details: object = {}): boolean => set.check?.(...([{}, permission, origin, details] as never[])) as boolean
  const load = (url: string): boolean => {
    let cancelled: boolean | undefined
    set.before?.(...([{ url }, (answer: { cancel: boolean }) => { cancelled = answer.cancel }] as never[]))
    return cancelled === false
  }
  return { ask, check, load, refused, device: () => set.device?.() }
}

describe('permissions', () => {
  it('gives the microphone only while the gate is open, and never a camera', () => {
    expect(guarded(false).ask('media', { mediaTypes: ['audio'] })).toBe(false)
    expect(guarded(true).ask('media', { mediaTypes: ['audio'] })).toBe(true)
    expect(guarded(true).ask('media', { mediaTypes: ['audio', 'video'] })).toBe(false)
    expect(guarded(false).check('media', undefined, { mediaType: 'audio' })).toBe(false)
    expect(guarded(true).check('media', undefined, { mediaType: 'audio' })).toBe(true)
    expect(guarded(true).check('media', undefined, { mediaType: 'video' })).toBe(false)
  })

  it('gives nothing to another origin or to a frame', () => {
    const { ask, check } = guarded(true)
    expect(ask('media', { mediaTypes: ['audio'], requestingUrl: 'https://example.invalid/' })).toBe(false)
    expect(ask('media', { mediaTypes: ['audio'], requestingUrl: `${appOrigin}.evil/` })).toBe(false)
    expect(ask('media', { mediaTypes: ['audio'], isMainFrame: false })).toBe(false)
    expect(check('media', 'https://example.invalid/', { mediaType: 'audio' })).toBe(false)
  })

  it('refuses everything else', () => {
    const { ask, check, device, refused } = guarded(true)
    for (const permission of ['geolocation', 'notifications', 'openExternal', 'display-capture', 'clipboard-read', 'midi', 'fullscreen', 'usb', 'hid', 'unknown']) {
      expect(ask(permission)).toBe(false)
      expect(check(permission)).toBe(false)
    }
    expect(device()).toBe(false)
    expect(refused).toHaveBeenCalledWith('permission', 'geolocation')
  })

  it('lets an invitation be copied', () => { expect(guarded().ask('clipboard-sanitized-write')).toBe(true) })
})

describe('requests', () => {
  it('go to our own files only', () => {
    const { load } = guarded()
    expect(load(`${appOrigin}/assets/index.js`)).toBe(true)
    expect(load('data:image/png;base64,AA==')).toBe(true)
    for (const url of ['https://example.invalid/', 'http://127.0.0.1:6084/', 'file:///etc/passwd', 'ws://127.0.0.1/', 'ringway-app://other/', 'chrome://gpu/']) expect(load(url)).toBe(false)
  })
})

describe('files of the renderer', () => {
  const folder = '/opt/ringway/out/renderer'
  it('are found below their folder', () => {
    expect(fileOfUrl(folder, `${appOrigin}/`)).toBe(`${folder}/index.html`)
    expect(fileOfUrl(folder, `${appOrigin}/assets/a.js?v=1#x`)).toBe(`${folder}/assets/a.js`)
  })
  it('are never anything else', () => {
    for (const path of ['/../main/index.mjs', '/%2e%2e/%2e%2e/etc/passwd.json', '/..%2f..%2fpackage.json', '/assets/a.mjs', '/%00.js', '/%zz.js', '/']) {
      const found = fileOfUrl(folder, `${appOrigin}${path}`)
      expect(found === undefined || found.startsWith(`${folder}/`)).toBe(true)
    }
    expect(fileOfUrl(folder, 'ringway-app://other/index.html')).toBeUndefined()
    expect(fileOfUrl(folder, `${appOrigin}/..%2f..%2fpackage.json`)).toBeUndefined()
  })
})

describe('pages', () => {
  function contents(url: string) {
    const app = new EventEmitter()
    const refused = vi.fn()
    secureContents(app as unknown as App, { origins: [appOrigin], microphoneAllowed: () => false, refused })
    let open: ((details: { url: string }) => { action: string }) | undefined
    const made = Object.assign(new EventEmitter(), { getURL: () => url, setWindowOpenHandler: (handler: typeof open) => { open = handler } })
    app.emit('web-contents-created', {}, made as unknown as Contents)
    const tries = (event: string, target: string, isMainFrame = true): boolean => {
      let prevented = false
      made.emit(event, { url: target, isMainFrame, preventDefault: () => { prevented = true } })
      return !prevented
    }
    return { tries, refused, open: (target: string) => open?.({ url: target }).action }
  }

  it('stay where they are; a reload is all', () => {
    const { tries, refused } = contents(`${page}#/chats`)
    expect(tries('will-navigate', page)).toBe(true)
    for (const target of ['https://example.invalid/', `${appOrigin}/other.html`, 'file:///etc/passwd', 'javascript:alert(1)', 'data:text/html,x']) expect(tries('will-navigate', target)).toBe(false)
    expect(tries('will-redirect', 'https://example.invalid/')).toBe(false)
    expect(refused).toHaveBeenCalledTimes(6)
  })

  it('open no windows, frames or webviews', () => {
    const { tries, open } = contents(page)
    expect(open('https://example.invalid/')).toBe('deny')
    expect(tries('will-frame-navigate', page, false)).toBe(false)
    expect(tries('will-attach-webview', page)).toBe(false)
  })
})
