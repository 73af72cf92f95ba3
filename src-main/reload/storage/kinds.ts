/** The Kinds of the configuration in force, as storage and its clients ask for them (RFC 6940 §11.1). */
import type { OverlayConfiguration } from '../config/configuration.ts'
import type { Kinds } from './dependencies.ts'

/** @param configuration asked each time, so that a new configuration holds from its arrival */
export function kindsOf(configuration: () => Pick<OverlayConfiguration, 'requiredKinds' | 'redirBranchingFactor'>): Kinds {
  return {
    kind(id) {
      const { requiredKinds, redirBranchingFactor } = configuration()
      const kind = requiredKinds.find((candidate) => candidate.id === id)
      return kind && { ...kind, branchingFactor: redirBranchingFactor }
    },
  }
}
