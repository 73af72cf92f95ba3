// Builds out/ when a source is newer than what it was built from.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { root } from './paths.mjs'
import { run, step } from './progress.mjs'

const inputs = ['src-main', 'src-shared', 'src-renderer', 'assets', 'package-lock.json', 'package.json', 'electron.vite.config.ts', 'tsconfig.base.json']
const outputs = ['out/main/index.mjs', 'out/main/ringway.mjs', 'out/preload/index.cjs', 'out/renderer/index.html']
const stampFile = join(root, 'out/.built-from')

/** A digest over names, sizes and times of all inputs. */
export function inputStamp(base = root, names = inputs) {
  const hash = createHash('sha256')
  const walk = (path) => {
    if (!existsSync(path)) return
    const stat = statSync(path)
    if (stat.isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name))
    else hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`)
  }
  for (const name of names) walk(join(base, name))
  return hash.digest('hex')
}

export async function build() {
  const require = createRequire(join(root, 'package.json'))
  const stamp = inputStamp()
  const cli = join(dirname(require.resolve('electron-vite/package.json')), 'bin/electron-vite.js')
  const out = await run(process.execPath, [cli, 'build'], { cwd: root, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } })
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, stamp)
  return out
}

export async function ensureBuilt() {
  const fresh = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === inputStamp() && outputs.every((name) => existsSync(join(root, name)))
  if (!fresh) await step('Building', () => build())
}
