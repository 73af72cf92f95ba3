/** Every fuzz target. A new one is an entry of a list: its name, its seeds, and what must hold. */
import { reloadTargets } from './reloadTargets.ts'
import { sipTargets } from './sipTargets.ts'
import type { FuzzTarget } from './target.ts'

export const targets: readonly FuzzTarget[] = [...reloadTargets, ...sipTargets]

export function targetNamed(name: string): FuzzTarget | undefined { return targets.find((target) => target.name === name) }
