/**
 * What the desktop app was started with: which profile, hidden or not, how the peer meets the network, and a link
 * that somebody clicked. Electron and Chromium switches in between are left alone.
 */
import { resolve } from 'node:path'
import { parseHostPort } from '../base/hostPort.ts'
import type { SocketAddress } from '../ports/network.ts'

export interface Launch {
  /** folder that holds everything of this installation; undefined: the usual one */
  readonly profile: string | undefined
  /** start in the tray */
  readonly hidden: boolean
  readonly listen: SocketAddress | undefined
  readonly bootstrap: readonly SocketAddress[]
  readonly multicast: boolean
  /** ringway:, sip: or sips: link */
  readonly link: string | undefined
}

const withValue = ['profile', 'listen', 'bootstrap'] as const
type Valued = (typeof withValue)[number]

/** @param cwd folder that relative paths start from */
export function parseLaunch(argv: readonly string[], cwd: string): Launch {
  const values: Record<Valued, string[]> = { profile: [], listen: [], bootstrap: [] }
  const flags = new Set<string>()
  let link: string | undefined
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? ''
    const [, name, , inline] = /^--([a-z-]+)(=(.*))?$/s.exec(arg) ?? []
    if (name === undefined) {
      if (isLink(arg)) link = arg
    } else if ((withValue as readonly string[]).includes(name)) {
      const value = inline ?? argv[++i]
      if (value !== undefined && value !== '') values[name as Valued].push(value)
    } else if (inline === undefined) flags.add(name)
  }
  const profile = values.profile.at(-1)
  return {
    profile: profile === undefined ? undefined : resolve(cwd, profile),
    hidden: flags.has('hidden'),
    listen: values.listen.map(parseHostPort).at(-1),
    bootstrap: values.bootstrap.map(parseHostPort).filter((found) => found !== undefined),
    multicast: !flags.has('no-multicast'),
    link,
  }
}

const cliCommands: ReadonlySet<string> = new Set(['overlay', 'join', 'run', 'call', 'send', 'presence', 'contacts', 'lookup', 'ring', 'status', 'ctl', 'ui', 'help'])

/**
 * The arguments of a command of `ringway`, when the app was started with one: then it is the command line, without a
 * window. Switches that are for Chromium are left out.
 */
export function commandLine(argv: readonly string[]): string[] | undefined {
  const args = argv.filter((arg) => !/^--(no-sandbox|disable-gpu|ozone-platform(=.*)?|headless)$/.test(arg))
  const first = args.findIndex((arg, i) => !arg.startsWith('-') && args[i - 1] !== '--profile')
  return cliCommands.has(args[first] ?? '') ? args : undefined
}

export const isLink = (text: string): boolean => /^(ringway|sips?):/i.test(text) && text.length <= 4096
