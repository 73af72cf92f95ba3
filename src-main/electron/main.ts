/**
 * The desktop app: puts together the peer, its windows, tray and notifications, and takes them apart again.
 * What each of them does stands in its own file.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { app, ipcMain, Menu, safeStorage, session } from 'electron'
import { ContractClient } from '@shared/ipc/client.ts'
import { memoryPorts } from '@shared/ipc/port.ts'
import { openPeer } from '../cli/openPeer.ts'
import { controlPath, defaultProfile } from '../cli/profile.ts'
import { listenUnix } from '../node/unixPort.ts'
import { appOrigin, registerAppScheme, serveRenderer } from './appScheme.ts'
import { WindowDoors } from './doors.ts'
import { parseLaunch } from './launch.ts'
import { applicationMenu, textFieldMenus } from './menu.ts'
import { microphoneAllowed } from './microphoneGate.ts'
import { openOrExplain, startOrExplain } from './opening.ts'
import { PeerState } from './peerState.ts'
import { createDesktopKeychain } from './safeStorageKeychain.ts'
import { secureContents, secureSession, type SecurityRules } from './sessionSecurity.ts'
import { commandOfLink } from './shellCommand.ts'
import { Shell } from './shell.ts'
import { trayHost } from './tray.ts'

const launch = parseLaunch(process.argv.slice(1), process.cwd())
const profileDir = launch.profile ?? defaultProfile()
const developmentUrl = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL
const pageUrl = developmentUrl ?? `${appOrigin}/index.html`

// Chromium keeps its own things inside of the profile too, and the single-instance lock with them: one app a profile.
mkdirSync(join(profileDir, 'chromium'), { recursive: true, mode: 0o700 })
app.setPath('userData', join(profileDir, 'chromium'))
app.setAppUserModelId('invalid.example.ringway')
registerAppScheme()

if (app.requestSingleInstanceLock()) run().catch((cause: unknown) => { console.error(cause); app.exit(1) })
else {
  console.error(`Ringway is running with the profile ${profileDir} already; its window is shown.`)
  app.quit()
}

async function run(): Promise<void> {
  const refused = (what: string, detail: string): void => { console.warn(`refused: ${what} ${detail}`) }
  const rules: SecurityRules = {
    origins: [appOrigin, ...(developmentUrl === undefined ? [] : [new URL(developmentUrl).origin])],
    microphoneAllowed: (contents) => shell.isMain(contents) && microphoneAllowed(shell.calls, contents.getURL()),
    refused,
  }
  secureContents(app, rules)
  textFieldMenus(app)
  if (app.isPackaged) app.setAsDefaultProtocolClient('ringway')
  // macOS hands links over by an event that may come before the app is ready
  app.on('open-url', (event, url) => { event.preventDefault(); shell.handle(commandOfLink(url)) })
  app.on('second-instance', (_event, argv, cwd) => {
    const { link } = parseLaunch(argv.slice(1), cwd)
    shell.show()
    if (link !== undefined) shell.handle(commandOfLink(link))
  })
  app.on('activate', () => { shell.show() })
  app.on('window-all-closed', () => { /* the tray keeps the phone reachable */ })

  const resources = app.isPackaged ? process.resourcesPath : join(app.getAppPath(), 'assets')
  const doors = new WindowDoors(ipcMain, rules.origins, { onRelay: (command) => { shell.handle(command) }, refused })
  const shell = new Shell({
    page: { url: pageUrl, preload: join(import.meta.dirname, '../preload/index.cjs'), icon: join(resources, 'icons/256x256.png') },
    trayIcons: join(resources, 'tray'), boundsFile: join(profileDir, 'chromium', 'window.json'), admit: (contents) => { doors.admit(contents) },
    quit: () => { app.quit() },
  })

  await app.whenReady()
  Menu.setApplicationMenu(applicationMenu(() => { app.quit() }, developmentUrl !== undefined))
  serveRenderer(session.defaultSession, join(import.meta.dirname, '../renderer'))
  secureSession(session.defaultSession, rules)

  const peer = await openOrExplain((rescueDatabase) => openPeer({
    profileDir, headless: false, rescueDatabase,
    keychain: (files) => createDesktopKeychain(files, join(profileDir, 'keys', 'sealed'), safeStorage),
    network: { ...(launch.listen !== undefined && { listen: launch.listen }), bootstrap: launch.bootstrap, multicast: launch.multicast },
  }))
  if (peer === undefined) { app.exit(1); return }
  const control = await listenUnix(controlPath(profileDir), (port) => { peer.serve(port) })
  const [ours, theirs] = memoryPorts()
  peer.serve(theirs)
  const client = new ContractClient(ours)
  const state = new PeerState(client)

  let closing: Promise<void> | undefined
  app.on('before-quit', () => { shell.quitting = true })
  app.on('will-quit', (event) => {
    event.preventDefault()
    closing ??= (async () => {
      shell.close()
      client.close()
      await control.close()
      await peer.close()
    })()
    closing.then(() => { app.exit(0) }, (cause: unknown) => { console.error(cause); app.exit(1) })
  })
  peer.onQuit(() => { app.quit() })

  await state.start()
  shell.connect(client, state)
  doors.connect(peer)
  shell.open({ hidden: launch.hidden || (state.current?.settings.startHidden ?? false), tray: await trayHost() })
  if (launch.link !== undefined) shell.handle(commandOfLink(launch.link))
  await startOrExplain(() => peer.start())
}
