/**
 * The storing peer's check of writes to shared resources (RFC 8076 §6.4, §6.6), by the access control list that is
 * stored at the same place. Asked for original Stores; copies come from the peer that has asked already, perhaps
 * before the list they go by, and readers ask again.
 *
 * The policy's text demands USER-MATCH or a name that fits the signer, which nobody but the owner could meet; it is
 * taken for the owner, with whom every chain of delegations begins.
 */
import { equalBytes } from '../../base/bytes.ts'
import { Kind } from '../wire/kinds.ts'
import type { StoredData, StoredDataValue } from '../wire/storage.ts'
import { isAuthorised, ownersOf, readAclItem, type AclItem } from './accessControlList.ts'
import type { Areas, HeldValue } from './areas.ts'
import { placeOf } from './dataModels.ts'
import type { DataVerifier, HashName, KindRules, Kinds, Writer } from './dependencies.ts'
import { ownsName, splitName } from './resourceNames.ts'

export class SharedAccess {
  constructor(private readonly areas: Areas, private readonly kinds: Kinds, private readonly verifier: DataVerifier, private readonly hash: HashName) {}

  /** Whether the signer may put this value there now; that it keeps to the signer's own places was asked before. */
  mayStore(rules: KindRules, resourceId: Uint8Array, data: StoredData, signer: Writer): boolean {
    const acl = this.list(resourceId)
    if (this.isOwner(rules, resourceId, data.value, signer.userName, acl)) return true
    const before = this.authorAt(rules, resourceId, data.value)
    // What another user has written stays his, also when two Node-IDs end alike (§6.1).
    if (before !== undefined && before !== signer.userName) return false
    if (!data.value.data.exists && before !== undefined) return true
    if (rules.id !== Kind.accessControlList) return isAuthorised(acl, rules.id, signer.userName, false)
    const item = data.value.data.exists ? readAclItem(rules, resourceId, data.value.data.value, signer.userName, this.hash) : undefined
    return item !== undefined && item.toUser !== signer.userName && isAuthorised(acl, item.kind, signer.userName, true)
  }

  /** By name, or for what has no name in it, by user name or root item. */
  private isOwner(rules: KindRules, resourceId: Uint8Array, { data }: StoredDataValue, userName: string, acl: readonly AclItem[]): boolean {
    if (equalBytes(this.hash(userName), resourceId) || ownersOf(acl).includes(userName)) return true
    const name = data.exists ? splitName(rules, data.value)?.name : undefined
    return name !== undefined && equalBytes(this.hash(name), resourceId) && ownsName(rules, userName, name)
  }

  private list(resourceId: Uint8Array): readonly AclItem[] {
    const rules = this.kinds.kind(Kind.accessControlList)
    if (rules === undefined) return []
    return this.areas.read(resourceId, rules.id, rules.dataModel).values.flatMap((held) => {
      if (!held.data.value.data.exists) return []
      const author = this.author(rules, resourceId, held)
      const item = author === undefined ? undefined : readAclItem(rules, resourceId, held.data.value.data.value, author, this.hash)
      return item ?? []
    })
  }

  private authorAt(rules: KindRules, resourceId: Uint8Array, value: StoredDataValue): string | undefined {
    const { index, key } = placeOf(value)
    const held = this.areas.read(resourceId, rules.id, rules.dataModel).values.find(({ data }) => {
      const place = placeOf(data.value)
      return place.index === index && equalBytes(place.key, key)
    })
    return held?.data.value.data.exists === true ? this.author(rules, resourceId, held) : undefined
  }

  /** Undefined for somebody who is not of the overlay any more: what he has granted or written binds nobody. */
  private author(rules: KindRules, resourceId: Uint8Array, { data, certificates }: HeldValue): string | undefined {
    const signer = this.verifier.verifyStoredData(resourceId, rules.id, data, certificates)
    return typeof signer === 'string' ? undefined : signer.userName
  }
}
