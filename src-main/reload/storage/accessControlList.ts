/**
 * Access control lists of shared resources (RFC 8076 §4, §6.3) as pure functions: the tree of delegations from the
 * resource's owner, and who is in it. Asked by storing peers and by readers alike.
 */
import { utf8Text } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { decode } from '../../base/presentation.ts'
import { accessControlListItem } from '../wire/usages.ts'
import type { HashName, KindRules } from './dependencies.ts'
import { equalBytes } from '../../base/bytes.ts'
import { ownsName, splitName } from './resourceNames.ts'

/** One item, whose signature has been verified. */
export interface AclItem {
  readonly toUser: string
  /** Kind-ID of the shared resource */
  readonly kind: number
  readonly allowDelegation: boolean
  /** user name of who signed it */
  readonly signer: string
  /** The root: the owner's word for himself, where every chain must end. */
  readonly isRoot: boolean
}

/** @param rules of the Kind ACCESS-CONTROL-LIST; undefined when the value is no item for this resource */
export function readAclItem(rules: KindRules, resourceId: Uint8Array, value: Uint8Array, signer: string, hash: HashName): AclItem | undefined {
  const split = splitName(rules, value)
  if (split === undefined) return undefined
  try {
    const { toUser, kind, allowDelegation } = decode(accessControlListItem, split.rest, 'the item of an access control list')
    const name = split.name ?? signer
    const user = utf8Text(toUser)
    const isRoot = user === signer && allowDelegation && ownsName(rules, signer, name) && equalBytes(hash(name), resourceId)
    return { toUser: user, kind, allowDelegation, signer, isRoot }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** The owners that root items prove. */
export function ownersOf(acl: readonly AclItem[]): readonly string[] { return acl.filter(({ isRoot }) => isRoot).map(({ signer }) => signer) }

/**
 * Whether a chain of delegations for this Kind leads from a root to the user. Grown from the roots, so lists that turn
 * in circles end as any other.
 * @param delegating the user is to hand the right on: the last item must allow that, too
 */
export function isAuthorised(acl: readonly AclItem[], kind: number, user: string, delegating: boolean): boolean {
  const items = acl.filter((item) => item.kind === kind)
  const delegators = new Set(ownersOf(items))
  for (let before = -1; before !== delegators.size;) {
    before = delegators.size
    for (const { toUser, signer, allowDelegation } of items) if (allowDelegation && delegators.has(signer)) delegators.add(toUser)
  }
  return delegating ? delegators.has(user) : items.some(({ toUser, signer }) => toUser === user && delegators.has(signer))
}
