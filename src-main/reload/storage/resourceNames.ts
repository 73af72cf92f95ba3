/**
 * Names of shared resources (RFC 8076 §5): the owner's user name, or with variable resource names also what matches a
 * pattern of the configuration for that user. With those, each value says in front which resource it belongs to.
 */
import { ByteReader, ByteWriter, concatBytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { compilePattern } from '../config/domainRestriction.ts'
import { resourceNameExtension } from '../wire/usages.ts'
import type { KindRules } from './dependencies.ts'

/** A pattern, and a user name of 255 characters with each of them escaped. */
const longestPattern = 1024

/** Whether a user may own a resource of this name. */
export function ownsName({ variableResourceNames }: Pick<KindRules, 'variableResourceNames'>, userName: string, resourceName: string): boolean {
  if (resourceName === userName) return true
  return variableResourceNames?.enable === true && variableResourceNames.patterns.some((pattern) => matches(pattern, userName, resourceName))
}

/**
 * POSIX extended regular expressions in which $USER and $DOMAIN stand for the two parts of the user name. Both must be
 * there, and what varies must be apart from them: else one user could take the names of another (§5.3). A pattern
 * that is not so counts as none.
 */
function matches(pattern: string, userName: string, resourceName: string): boolean {
  const at = userName.lastIndexOf('@')
  const user = pattern.indexOf('$USER'), domain = pattern.indexOf('$DOMAIN')
  if (at <= 0 || user < 0 || domain < 0 || isVariable(pattern[user - 1]) || isVariable(pattern[domain + '$DOMAIN'.length])) return false
  const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
  const filled = pattern.replaceAll('$USER', () => escaped(userName.slice(0, at))).replaceAll('$DOMAIN', () => escaped(userName.slice(at + 1)))
  try {
    return compilePattern(filled, longestPattern).test(resourceName)
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

/** The end of something that repeats, or a place where anything may stand. */
function isVariable(neighbour: string | undefined): boolean { return neighbour !== undefined && '.*+?)]}|'.includes(neighbour) }

/** A value without the name in front of it; undefined when there should be a name and is none. */
export function splitName({ variableResourceNames }: Pick<KindRules, 'variableResourceNames'>, value: Uint8Array): { readonly name: string | undefined; readonly rest: Uint8Array } | undefined {
  if (variableResourceNames?.enable !== true) return { name: undefined, rest: value }
  try {
    const reader = new ByteReader(value)
    const { resourceName } = resourceNameExtension.read(reader)
    return { name: resourceName, rest: value.subarray(reader.offset) }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** The value as it is stored: behind its resource name where the Kind has variable ones. */
export function withName({ variableResourceNames }: Pick<KindRules, 'variableResourceNames'>, resourceName: string, value: Uint8Array): Uint8Array {
  if (variableResourceNames?.enable !== true) return value
  const writer = new ByteWriter(resourceName.length + 8)
  resourceNameExtension.write(writer, { type: 'pattern', resourceName })
  return concatBytes(writer.finish(), value)
}
