/**
 * Where Electron starts: the command line when the packaged app was given one of its commands
 * (`ringway status`), else the desktop app. In a checkout the command line is bin/ringway.mjs.
 */
import { app } from 'electron'
import { commandLine } from './launch.ts'

const command = app.isPackaged ? commandLine(process.argv.slice(1)) : undefined
if (command === undefined) await import('./main.ts')
else {
  app.dock?.hide()
  process.argv.splice(1, Infinity, ...command)
  await import('../cli/main.ts')
  app.exit(Number(process.exitCode ?? 0))
}
