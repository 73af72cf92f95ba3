/** The overlay algorithms that a configuration document may name in topology-plugin (RFC 6940 §11.1, RFC 7363 §9.2). */
import { invariant } from '../../base/errors.ts'
import type { OverlayConfiguration } from '../config/configuration.ts'
import type { TopologyPluginName } from '../config/configuration.ts'
import type { TopologyPolicy } from './policy.ts'
import { ReloadPolicy } from './reloadPolicy.ts'
import { SelfTuningPolicy, type SelfTuningDependencies } from './selfTuning/selfTuningPolicy.ts'

export interface PluginDependencies extends Omit<SelfTuningDependencies, 'parameters'> {
  configuration(): OverlayConfiguration
}

const plugins: Readonly<Record<TopologyPluginName, (deps: PluginDependencies) => TopologyPolicy>> = {
  'CHORD-RELOAD': ({ configuration }) => new ReloadPolicy(configuration),
  'CHORD-SELF-TUNING': (deps) => new SelfTuningPolicy({ ...deps, parameters: deps.configuration }),
}

/** The policy of the algorithm that the configuration in force names, whenever it is asked for. */
export function configuredPolicy(deps: PluginDependencies): () => TopologyPolicy {
  const made = new Map<string, TopologyPolicy>()
  return () => {
    const name = deps.configuration().topologyPlugin
    const before = made.get(name)
    if (before !== undefined) return before
    const policy = plugins[name as TopologyPluginName]?.(deps)
    invariant(policy !== undefined, `configurations with topology-plugin ${name} are refused`)
    made.set(name, policy)
    return policy
  }
}
