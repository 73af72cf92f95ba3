#!/usr/bin/env node
// `npm run package`: the packaged app in dist/. Where electron-builder can download its tools it makes the installers
// of this platform (electron-builder.yml); elsewhere, or with --dir, the unpacked app, which runs the same.
// Other arguments go to electron-builder, such as --win or --mac.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { root, toolEnv } from './lib/paths.mjs'
import { say } from './lib/progress.mjs'
import { main, prepareApp, prepareTools } from './prepare.mjs'

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    await prepareTools()
    const { runtime } = await prepareApp()
    const require = createRequire(join(root, 'package.json'))
    const args = process.argv.slice(2).filter((arg) => arg !== '--dir')
    const closed = runtime.kind === 'fallback'
    const folderOnly = closed || process.argv.includes('--dir')
    if (closed) say('The installers need tools that cannot be downloaded here: making the unpacked app only, with the Electron of this machine. It is for tests, not for others.')
    const builder = join(dirname(require.resolve('electron-builder/package.json')), 'cli.js')
    const child = spawnSync(process.execPath, [
      builder, ...args, ...(folderOnly ? ['--dir'] : []), '--publish', 'never',
      `-c.electronDist=${runtime.dist}`, `-c.electronVersion=${runtime.version}`,
    ].filter((arg) => folderOnly || !arg.startsWith('-c.electron')), { stdio: 'inherit', cwd: root, env: toolEnv() })
    process.exitCode = child.status ?? 1
  })
}
