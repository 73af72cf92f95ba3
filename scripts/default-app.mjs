// Stand-in for Electron's own default_app, for a runtime whose dist has none: makes `electron <app folder|file> [args]`
// work. Takes -r/--require, as Playwright's loader uses it. An ES module, because Electron waits for the top-level
// await of one before it says that it is ready, and the app may have things to do before.
import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { app } from 'electron'

const argv = process.argv.slice(1)
const preload = []
let target
for (let i = 0; i < argv.length; i++) {
  const arg = argv[i]
  if (arg === '-r' || arg === '--require') { preload.push(argv[++i]); continue }
  if (arg === '-v' || arg === '--version') { console.log(`v${process.versions.electron}`); process.exit(0) }
  if (arg.startsWith('-')) continue
  target = arg
  break
}
process.defaultApp = true
const require = createRequire(join(process.cwd(), 'default-app.cjs'))
for (const file of preload) require(file)
if (target === undefined) {
  console.error('usage: electron [switches] <app folder or main file> [args]')
  app.exit(2)
} else {
  let main = resolve(target)
  if (statSync(main).isDirectory()) {
    const { name, productName, version, desktopName, main: entry } = JSON.parse(readFileSync(join(main, 'package.json'), 'utf8'))
    app.setAppPath(main)
    if (productName ?? name) app.setName(productName ?? name)
    if (version) app.setVersion(version)
    app.setDesktopName(desktopName ?? `${app.getName()}.desktop`)
    app.setPath('userData', join(app.getPath('appData'), app.getName()))
    main = join(main, entry ?? 'index.js')
  }
  process.argv[1] = main
  try {
    await import(pathToFileURL(main).href)
  } catch (cause) {
    console.error(cause)
    app.exit(1)
  }
}
