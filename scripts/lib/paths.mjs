// Where things are: the checkout, its tools, and the cache that outlives a checkout.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'

const wanted = [20, 11]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  console.error(`Ringway needs Node ${wanted.join('.')} or newer to prepare itself; this is ${process.version}.`)
  process.exit(1)
}

export const root = resolve(import.meta.dirname, '../..')
export const bin = join(root, 'node_modules/.bin')
export const nodeModules = join(root, 'node_modules')
export const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ringway')

const program = join(root, 'bin/ringway.mjs')
/** How the command line starts: with the options of its first line, which not every system reads. */
export const ringwayCommand = [process.execPath, ...readFileSync(program, 'utf8').split('\n', 1)[0].split(' ').filter((word) => word.startsWith('--')), program]

/** The environment of everything the scripts run: the project's own tools first, Node among them. */
export function toolEnv(extra = {}) {
  const path = process.env.PATH ?? ''
  return { ...process.env, PATH: path.split(delimiter)[0] === bin ? path : `${bin}${delimiter}${path}`, ...extra }
}
