#!/usr/bin/env node
// `npm start`: prepares everything and opens Ringway. Without a display it runs the peer headless and serves the same
// screens to a browser on this machine. Arguments go to the app: npm start -- --profile DIR
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ringwayCommand, root, toolEnv } from './lib/paths.mjs'
import { say } from './lib/progress.mjs'
import { main, prepareApp, prepareTools } from './prepare.mjs'

export const hasDisplay = (env = process.env, platform = process.platform) => platform !== 'linux' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY)

/** Why Chromium's sandbox cannot be had here, or undefined when it can. */
export function sandboxProblem(dist, { platform = process.platform, uid = process.getuid?.() ?? -1 } = {}) {
  if (platform !== 'linux') return undefined
  if (uid === 0) return 'Running as root: Chromium cannot use its sandbox (--no-sandbox). Prefer an ordinary user.'
  const helper = join(dist, 'chrome-sandbox')
  const setuid = existsSync(helper) && statSync(helper).uid === 0 && (statSync(helper).mode & 0o4000) !== 0
  if (setuid || spawnSync('unshare', ['-Ur', 'true']).status === 0) return undefined
  return `This system does not let Chromium make its sandbox, so it starts without (--no-sandbox). To have it: sudo chown root ${helper} && sudo chmod 4755 ${helper}`
}

/** Runs `command` until it ends; Ctrl-C and SIGTERM reach it. */
function become(command, args, env) {
  const child = spawn(command, args, { stdio: 'inherit', env, cwd: process.cwd() })
  process.on('SIGINT', () => {}) // the terminal sends it to the child as well
  process.on('SIGTERM', () => { child.kill('SIGTERM') })
  child.on('error', (cause) => { say(cause.message); process.exitCode = 1 })
  child.on('exit', (code, signal) => { process.exitCode = code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1) })
}

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    await prepareTools()
    const args = process.argv.slice(2)
    if (!hasDisplay()) {
      await prepareApp({ headless: true })
      say('There is no display here: Ringway runs without a window, and its screens open in a browser on this machine.')
      say('To see a whole overlay at work without a display: npm run demo')
      become(ringwayCommand[0], [...ringwayCommand.slice(1), 'run', '--ui', ...args.filter((arg) => arg !== '--hidden')], toolEnv())
      return
    }
    const { runtime } = await prepareApp()
    const { runtimeEnv } = await import('./electron-runtime.mjs')
    const problem = sandboxProblem(runtime.dist)
    if (problem !== undefined) say(problem)
    become(runtime.exe, [...(problem === undefined ? [] : ['--no-sandbox']), root, ...args], toolEnv(runtimeEnv(runtime)))
  })
}
