// node_modules: present, of this lock file, and with the Node that the project brings along.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bin, nodeModules, root, toolEnv } from './paths.mjs'
import { run, say, step } from './progress.mjs'

const stampFile = join(nodeModules, '.ringway-stamp')

/** What node_modules must have been made from. */
export function lockStamp(lockText, platform = `${process.platform}-${process.arch}`) {
  return `${platform} ${createHash('sha256').update(lockText).digest('hex')}`
}

/** True when an install that npm itself recorded holds exactly what the lock file asks for. */
export function sameInstall(lock, installed) {
  const have = installed?.packages ?? {}
  for (const [path, entry] of Object.entries(lock.packages ?? {})) {
    if (path === '' || entry.link) continue
    const found = have[path]
    if (found === undefined) {
      if (entry.optional || entry.devOptional || entry.peer) continue
      return false
    }
    if (found.version !== entry.version) return false
  }
  return Object.keys(have).every((path) => lock.packages[path] !== undefined)
}

const json = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined)

/** Installs the dependencies when node_modules is missing or made from another lock file. */
export async function ensureDependencies() {
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const want = lockStamp(lockText)
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === want) return
  if (!sameInstall(JSON.parse(lockText), json(join(nodeModules, '.package-lock.json')))) {
    await step('Installing dependencies (npm ci, about 500 MB on disk)', async () => {
      const ci = () => run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root })
      await ci().catch((cause) => {
        // what an interrupted installation has left can be in npm's way
        if (!/ENOTEMPTY|EEXIST/.test(cause.message)) throw cause
        rmSync(nodeModules, { recursive: true, force: true, maxRetries: 3 })
        return ci()
      })
    })
  }
  writeFileSync(stampFile, want)
}

const projectNode = () => join(bin, process.platform === 'win32' ? 'node.cmd' : 'node')

function projectNodeVersion() {
  const asked = spawnSync(projectNode(), ['-p', 'process.execPath'], { encoding: 'utf8', shell: process.platform === 'win32' })
  return asked.status === 0 ? asked.stdout.trim() : undefined
}

/**
 * Goes on in the project's own Node: runs this script again in it and exits with its code. Returns only when
 * this process is that Node already, or is new enough where the project's Node does not run.
 */
export async function continueInProjectNode() {
  const execPath = existsSync(projectNode()) ? projectNodeVersion() : undefined
  if (execPath === process.execPath) {
    Object.assign(process.env, toolEnv())
    return
  }
  if (execPath === undefined) {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    if (major > 22 || (major === 22 && minor >= 13)) {
      say(`The project's own Node does not run here; going on with ${process.version}.`)
      Object.assign(process.env, toolEnv())
      return
    }
    throw new Error(`the project's own Node does not run here and ${process.version} is too old: install Node 22.13 or newer`)
  }
  const child = spawn(execPath, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit', env: toolEnv() })
  process.on('SIGINT', () => {}) // Ctrl-C reaches the child too; this process stays to pass its exit code on
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => { child.kill(signal) })
  child.on('error', (cause) => { say(cause.message); process.exit(1) })
  child.on('exit', (code) => { process.exit(code ?? 1) })
  return new Promise(() => {})
}
