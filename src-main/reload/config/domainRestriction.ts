/**
 * Which addresses of record an overlay takes (RFC 7904 §3.4): any, those of its own name, or those whose domain
 * matches a pattern. Patterns are POSIX extended regular expressions, matched against the whole domain, or against
 * the whole address when they hold an `@`.
 */
import { DecodeError } from '../../base/errors.ts'
import type { OverlayConfiguration } from './configuration.ts'
import { Kind } from '../wire/kinds.ts'

const classes: ReadonlyMap<string, string> = new Map([
  ['alpha', 'A-Za-z'], ['digit', '0-9'], ['alnum', 'A-Za-z0-9'], ['lower', 'a-z'], ['upper', 'A-Z'], ['xdigit', '0-9A-Fa-f'],
])

/** @throws DecodeError when it is not an expression, or one that could take forever */
export function compilePattern(pattern: string, maxLength = 256): RegExp {
  if (pattern.length === 0 || pattern.length > maxLength) throw new DecodeError('a domain pattern is empty or too long')
  // A repeated group that repeats inside backtracks exponentially; no domain needs one.
  if (/\([^()]*[*+{][^()]*\)[*+{]/.test(pattern)) throw new DecodeError(`domain pattern ${pattern} nests repetitions`)
  const translated = pattern.replace(/\[:([a-z]+):\]/g, (whole, name: string) => classes.get(name) ?? whole)
  try {
    return new RegExp(`^(?:${translated})$`, 'i')
  } catch (error) {
    throw new DecodeError(`domain pattern ${pattern} is not a regular expression: ${error instanceof Error ? error.message : ''}`)
  }
}

/** @param aor user@domain, without scheme */
export function acceptsAor(configuration: Pick<OverlayConfiguration, 'instanceName' | 'requiredKinds'>, aor: string): boolean {
  const at = aor.lastIndexOf('@')
  if (at <= 0 || at === aor.length - 1 || aor.length > 255) return false
  const restriction = configuration.requiredKinds.find((kind) => kind.id === Kind.sipRegistration)?.domainRestriction
  if (restriction === undefined) return true
  const domain = aor.slice(at + 1)
  if (!restriction.enable) return domain.toLowerCase() === configuration.instanceName.toLowerCase()
  return restriction.patterns.some((pattern) => compilePattern(pattern).test(pattern.includes('@') ? aor : domain))
}
