/** Application menu (hidden until Alt on Linux and Windows): editing, zoom and windows; and the menu of text fields. */
import { Menu, type App, type MenuItemConstructorOptions, type WebContents } from 'electron'

export function applicationMenu(onQuit: () => void, development: boolean): Menu {
  const mac: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }] : []
  const file: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [] : [{
    label: '&File', submenu: [{ role: 'close', label: 'Close window' }, { label: 'Quit', accelerator: 'Ctrl+Q', click: onQuit }],
  }]
  const view: MenuItemConstructorOptions[] = [
    { role: 'zoomIn' }, { role: 'zoomIn', accelerator: 'CommandOrControl+=', visible: false }, { role: 'zoomOut' }, { role: 'resetZoom' },
    { type: 'separator' }, { role: 'togglefullscreen' },
    ...(development ? [{ role: 'toggleDevTools' } as const] : []),
  ]
  return Menu.buildFromTemplate([...mac, ...file, { role: 'editMenu' }, { label: '&View', submenu: view }, { role: 'windowMenu' }])
}

export function textFieldMenus(app: App): void {
  app.on('web-contents-created', (_event, contents: WebContents) => {
    contents.on('context-menu', (_menuEvent, { isEditable, selectionText, editFlags }) => {
      if (!isEditable && selectionText === '') return
      Menu.buildFromTemplate([
        ...(isEditable ? [{ role: 'cut', enabled: editFlags.canCut } as const] : []),
        { role: 'copy', enabled: editFlags.canCopy },
        ...(isEditable ? [{ role: 'paste', enabled: editFlags.canPaste } as const, { role: 'selectAll' } as const] : []),
      ]).popup()
    })
  })
}
