#!/usr/bin/env node
// The smaller npm scripts, each with everything prepared that it needs:
//   node scripts/run.mjs build | dev | screenshots | ringway ARGS...
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ringwayCommand, root, toolEnv } from './lib/paths.mjs'
import { main, prepareApp, prepareTools } from './prepare.mjs'

const require = createRequire(join(root, 'package.json'))
const tool = (name, path) => join(dirname(require.resolve(`${name}/package.json`)), path)

/** Runs Node to its end and takes its exit code over. */
function node(args, env = {}) {
  const child = spawn(process.execPath, args, { stdio: 'inherit', cwd: root, env: toolEnv(env) })
  process.on('SIGINT', () => {}) // the terminal sends it to the child as well
  process.on('SIGTERM', () => { child.kill('SIGTERM') })
  child.on('exit', (code) => { process.exitCode = code ?? 1 })
}

const work = {
  async build() {
    const { build } = await import('./lib/build.mjs')
    console.log(await build())
  },
  async dev(args) {
    const { electronRuntime, runtimeEnv } = await import('./electron-runtime.mjs')
    const { sandboxProblem } = await import('./start.mjs')
    const runtime = await electronRuntime()
    const problem = sandboxProblem(runtime.dist)
    if (problem !== undefined) console.error(problem)
    node([tool('electron-vite', 'bin/electron-vite.js'), 'dev', ...(problem === undefined ? [] : ['--noSandbox']), ...(args.length > 0 ? ['--', ...args] : [])], runtimeEnv(runtime))
  },
  async ringway(args) {
    await prepareApp({ headless: true })
    node([...ringwayCommand.slice(1), ...args])
  },
  async screenshots(args) {
    if (!existsSync(join(root, 'scripts/screenshots.mjs'))) throw new Error('scripts/screenshots.mjs is missing')
    const { ensureTools } = await import('./lib/system.mjs')
    if ((await ensureTools(['browser'], 'Taking screenshots')).length > 0) throw new Error('no browser')
    await prepareApp({ headless: true })
    node([join(root, 'scripts/screenshots.mjs'), ...args])
  },
}

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    const [name = '', ...args] = process.argv.slice(2)
    if (!Object.hasOwn(work, name)) throw new Error(`usage: node scripts/run.mjs ${Object.keys(work).join('|')} [args...]`)
    await prepareTools()
    await work[name](args)
  })
}
