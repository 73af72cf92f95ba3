/** Every fuzz target. A new one is an entry of a list: its name, its seeds, and what must hold. */
import { reloadTargets } from './reloadTargets.ts'
import { sipTargets } from './sipTargets.ts'
import type { FuzzTarget } from './target.ts'

export const targets: readonly FuzzTarget[] = [...reloadTargets, ...sipTargets]

export function targetNamed(name: string): FuzzTarget | undefined { return targets.find((target) => target.name === name) }

/** The names of one target or of a group of them: `all`, `sip`, `reload`. */
export function targetsNamed(name: string): readonly string[] {
  const groups: Readonly<Record<string, readonly FuzzTarget[]>> = { all: targets, sip: sipTargets, reload: reloadTargets }
  return (groups[name] ?? targets.filter((target) => target.name === name)).map((target) => target.name)
}
