/**
 * What a page of ours may do, and that there are no other pages: permissions, requests, navigation, new windows.
 * The renderer is treated as if it could be taken over: it gets the microphone only around a call or the sound
 * check, and no other origin can be reached from it.
 */
import type { App, Session, WebContents } from 'electron'

export interface SecurityRules {
  /** origins of our own pages: the app's scheme, and the development server when there is one */
  readonly origins: readonly string[]
  /** the microphone may be opened now, by this page */
  microphoneAllowed(contents: WebContents): boolean
  /** a request, navigation or permission was refused */
  refused(what: string, detail: string): void
}

/** Permissions that come with sound: paths to the other side on the local network, and the choice of a speaker. */
const withSound: ReadonlySet<string> = new Set(['speaker-selection', 'local-network-access', 'local-network', 'loopback-network'])

export function isOwnUrl(url: string, origins: readonly string[]): boolean {
  return origins.some((origin) => url === origin || url.startsWith(`${origin}/`))
}

export function secureSession(session: Session, rules: SecurityRules): void {
  const own = (url: string): boolean => isOwnUrl(url, rules.origins)

  session.setPermissionRequestHandler((contents, permission, callback, details) => {
    const media = permission === 'media' && 'mediaTypes' in details ? details.mediaTypes ?? [] : []
    const granted = own(details.requestingUrl) && details.isMainFrame && (
      permission === 'clipboard-sanitized-write'
      || (permission === 'media' && media.every((type) => type === 'audio') && rules.microphoneAllowed(contents))
      || (withSound.has(permission) && rules.microphoneAllowed(contents)))
    if (!granted) rules.refused('permission', permission)
    callback(granted)
  })
  session.setPermissionCheckHandler((contents, permission, origin, details) => {
    if (contents === null || !own(origin.replace(/\/$/, ''))) return false
    if (permission === 'clipboard-sanitized-write' || permission === 'speaker-selection') return true
    if (permission === 'media') return details.mediaType !== 'video' && rules.microphoneAllowed(contents)
    return withSound.has(permission) && rules.microphoneAllowed(contents)
  })
  session.setDevicePermissionHandler(() => false)
  session.setDisplayMediaRequestHandler((_request, callback) => { callback({}) })
  session.setSpellCheckerEnabled(false)

  session.webRequest.onBeforeRequest(({ url }, callback) => {
    const allowed = own(url) || /^(data|blob|devtools):/.test(url) || rules.origins.some((origin) => url.startsWith(`${origin.replace(/^http/, 'ws')}/`))
    if (!allowed) rules.refused('request', url.slice(0, 200))
    callback({ cancel: !allowed })
  })
}

/** For every page the app ever makes. */
export function secureContents(app: App, rules: SecurityRules): void {
  app.on('web-contents-created', (_event, contents) => {
    const stay = (event: { preventDefault(): void }, url: string): void => {
      // a reload of the same page is the only navigation there is; moves inside of it are not navigations
      if (isOwnUrl(url, rules.origins) && url.split('#')[0] === contents.getURL().split('#')[0]) return
      event.preventDefault()
      rules.refused('navigation', url.slice(0, 200))
    }
    contents.on('will-navigate', (event) => { stay(event, event.url) })
    contents.on('will-redirect', (event) => { stay(event, event.url) })
    contents.on('will-frame-navigate', (event) => { if (!event.isMainFrame) { event.preventDefault(); rules.refused('frame', event.url.slice(0, 200)) } })
    contents.on('will-attach-webview', (event) => { event.preventDefault(); rules.refused('webview', '') })
    contents.setWindowOpenHandler(({ url }) => { rules.refused('window', url.slice(0, 200)); return { action: 'deny' } })
  })
}
