/** The rules that usages add to the access policies of their Kinds: what `Storage` and `FetchClient` are given. */
import type { OverlayConfiguration } from '../config/configuration.ts'
import type { UsageRule } from '../storage/dependencies.ts'
import { Kind } from '../wire/kinds.ts'
import { certificateRule } from './certificateStore.ts'
import { sipRegistrationRule } from './sipRegistration.ts'

/** @param configuration asked each time, so that a new configuration holds from its arrival */
export function usageRules(configuration: () => OverlayConfiguration): ReadonlyMap<number, UsageRule> {
  return new Map([
    [Kind.sipRegistration, sipRegistrationRule(configuration)],
    [Kind.certificateByNode, certificateRule],
    [Kind.certificateByUser, certificateRule],
  ])
}
