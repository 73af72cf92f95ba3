// What the system must bring: command-line tools and the shared libraries of Electron. Installed with apt-get where
// this process may do that (root on Debian and its kin), else named in one line.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, say, step } from './progress.mjs'

/** tool → the commands that show it is there (one of each row), and its Debian packages */
export const tools = {
  unzip: { commands: [['unzip']], apt: ['unzip'] },
  compiler: { commands: [['python3'], ['make'], ['g++']], apt: ['python3', 'make', 'g++'] },
  display: { commands: [['Xvfb'], ['xvfb-run'], ['xauth']], apt: ['xvfb', 'xauth'] },
  browser: { commands: [['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']], apt: ['chromium'] },
  phones: { commands: [['sipp'], ['baresip'], ['linphonec']], apt: ['sip-tester', 'baresip-core', 'linphone-cli'] },
  wireshark: { commands: [['tshark'], ['tcpdump']], apt: ['tshark', 'tcpdump'] },
  network: { commands: [['ip'], ['unshare']], apt: ['iproute2', 'util-linux'] },
}

/** soname prefix → Debian package; newer releases call some of them …t64 */
const libraries = {
  'libglib-2.0': 'libglib2.0-0', 'libgobject-2.0': 'libglib2.0-0', 'libgio-2.0': 'libglib2.0-0',
  libnss3: 'libnss3', libnssutil3: 'libnss3', libsmime3: 'libnss3', libnspr4: 'libnspr4', 'libdbus-1': 'libdbus-1-3',
  'libatk-1.0': 'libatk1.0-0', 'libatk-bridge-2.0': 'libatk-bridge2.0-0', libatspi: 'libatspi2.0-0', libcups: 'libcups2',
  'libgtk-3': 'libgtk-3-0', 'libgdk-3': 'libgtk-3-0', libgbm: 'libgbm1', libdrm: 'libdrm2', libasound: 'libasound2',
  'libpango-1.0': 'libpango-1.0-0', libcairo: 'libcairo2', libX11: 'libx11-6', libXcomposite: 'libxcomposite1',
  libXdamage: 'libxdamage1', libXext: 'libxext6', libXfixes: 'libxfixes3', libXrandr: 'libxrandr2', libxcb: 'libxcb1',
  libxkbcommon: 'libxkbcommon0', libexpat: 'libexpat1', libudev: 'libudev1', libXtst: 'libxtst6', libXi: 'libxi6',
}

/** Full path of a command, or undefined. */
export function which(command) {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']) {
    const path = join(folder, command)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch { continue }
  }
  return undefined
}

export const missingTools = (names) => names.filter((name) => !tools[name].commands.every((row) => row.some((command) => which(command) !== undefined)))

/** Sonames that `ldd` reports as not found → Debian packages. */
export function packagesForLdd(output) {
  const found = new Set()
  for (const [, soname = ''] of output.matchAll(/^\s*(\S+) => not found/gm)) {
    const key = Object.keys(libraries).sort((a, b) => b.length - a.length).find((prefix) => soname.startsWith(prefix))
    found.add(key === undefined ? soname : libraries[key])
  }
  return [...found]
}

const canInstall = () => process.platform === 'linux' && process.getuid?.() === 0 && which('apt-get') !== undefined

/** The name this release of the distribution knows a package by. */
function knownName(name) {
  for (const candidate of [name, `${name}t64`]) {
    if (spawnSync('apt-cache', ['show', '--no-all-versions', candidate], { stdio: 'ignore' }).status === 0) return candidate
  }
  return name
}

async function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = (note) => run('apt-get', ['install', '-y', '--no-install-recommends', ...packages.map(knownName)], { env, note })
  await step(`Installing system packages: ${packages.join(' ')}`, async (note) => {
    // package lists may be missing or stale: refresh them, but a source that fails must not stop what the others have
    await run('apt-get', ['update'], { env, note }).catch((cause) => { say(`  apt-get update: ${String(cause.message).split('\n').at(-1)}`) })
    await install(note)
  })
}

const byHand = (packages) => `sudo apt-get install ${packages.join(' ')}`

/**
 * Makes sure of the named tools.
 * @returns the names that are still missing, each said in a line
 */
export async function ensureTools(names, why) {
  if (process.platform !== 'linux') return []
  const missing = missingTools(names)
  if (missing.length === 0) return []
  const packages = missing.flatMap((name) => tools[name].apt)
  if (canInstall()) await aptInstall(packages).catch((cause) => { say(String(cause.message)) })
  const left = missingTools(missing)
  if (left.length > 0) say(`${why} needs ${left.join(', ')}: ${byHand(left.flatMap((name) => tools[name].apt))} (or your distribution's equivalent)`)
  return left
}

/** Makes sure that the shared libraries of an executable are there. @throws with the line that names them */
export async function ensureLibraries(executable) {
  if (process.platform !== 'linux' || which('ldd') === undefined) return
  const missing = () => packagesForLdd(spawnSync('ldd', [executable], { encoding: 'utf8' }).stdout ?? '')
  const packages = missing()
  if (packages.length === 0) return
  if (canInstall()) await aptInstall(packages).catch((cause) => { say(String(cause.message)) })
  const left = missing()
  if (left.length > 0) throw new Error(`Electron needs system libraries: ${byHand(left)} (or your distribution's equivalent)`)
}
