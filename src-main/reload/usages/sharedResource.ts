/**
 * Resources that several users write (RFC 8076): the owner begins an access control list, he and those he lets hand
 * the right on add items to it, and each writes at places of his own. Readers go by the list, not by the storing peer:
 * what no chain of delegations leads to is left out.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import { encode } from '../../base/presentation.ts'
import { sharedArrayPrefix } from '../storage/accessControl.ts'
import { isAuthorised, ownersOf, readAclItem, type AclItem } from '../storage/accessControlList.ts'
import type { KindRules, Kinds } from '../storage/dependencies.ts'
import { ownsName, splitName, withName } from '../storage/resourceNames.ts'
import { Kind } from '../wire/kinds.ts'
import { accessControlListItem } from '../wire/usages.ts'
import type { ValueSelector, VerifiedValue } from './fetchClient.ts'
import type { ValueToStore } from './storeClient.ts'

/** The slice of `reload/overlay` needed here. */
export interface SharedResourceOverlay {
  readonly nodeId: Uint8Array
  resourceId(name: Uint8Array | string): Uint8Array
  store(resourceId: Uint8Array, values: readonly ValueToStore[], signal: AbortSignal): Promise<unknown>
  fetch(resourceId: Uint8Array, kind: number, selector: ValueSelector, signal: AbortSignal): Promise<readonly VerifiedValue[]>
}

export interface SharedResourceDependencies {
  readonly overlay: SharedResourceOverlay
  /** Ours, as the certificate has it. */
  readonly userName: string
  /** The Kinds of the configuration in force. */
  readonly kinds: Kinds
  /** How long what is stored holds, in seconds; storing it again is the caller's. */
  readonly lifetimeS: number
}

/** A value of a shared resource by somebody who may write there. */
export interface SharedValue {
  /** user@overlay */
  readonly writer: string
  readonly nodeId: Uint8Array
  /** The writer's number of it, 0 to 255; 0 in dictionaries. */
  readonly slot: number
  readonly value: Uint8Array
}

export interface Grant { readonly toUser: string; readonly kind: number; readonly allowDelegation: boolean; readonly by: string }

interface PlacedItem extends AclItem { readonly index: number }

/** A writer has so many places in an array (§3.1). */
const SLOTS = 256
const all: ValueSelector = { model: 'array', ranges: [{ first: 0, last: 0xffffffff }] }

export class SharedResources {
  constructor(private readonly deps: SharedResourceDependencies) {}

  /**
   * Begins a resource of ours that others may be let write a Kind of.
   * @param name our user name, or with variable resource names one that fits it
   * @throws PeerError 'invalid-argument' for a name that cannot be ours; as Overlay.store
   */
  async create(name: string, kind: number, signal: AbortSignal): Promise<void> {
    const rules = this.aclRules()
    this.shared(kind)
    if (!ownsName(rules, this.deps.userName, name)) throw new PeerError('invalid-argument', `${name} is not a name of ${this.deps.userName}`)
    const items = await this.items(name, signal)
    if (items.some((item) => item.isRoot && item.kind === kind)) return
    await this.storeItem(name, this.freeIndex(items), { toUser: this.deps.userName, kind, allowDelegation: true }, signal)
  }

  /**
   * Lets a user write the Kind there, and let others if `allowDelegation`.
   * @throws PeerError 'invalid-argument' when we have no such right ourselves; as Overlay.store
   */
  async grant(name: string, kind: number, toUser: string, allowDelegation: boolean, signal: AbortSignal): Promise<void> {
    const items = await this.items(name, signal)
    if (!isAuthorised(items, kind, this.deps.userName, true)) throw new PeerError('invalid-argument', `${this.deps.userName} may not let others write ${name}`)
    const mine = items.filter((item) => item.signer === this.deps.userName && item.kind === kind && item.toUser === toUser)
    await this.storeItem(name, mine[0]?.index ?? this.freeIndex(items), { toUser, kind, allowDelegation }, signal)
  }

  /**
   * Takes a right back, and with it what the user has handed on (§6.2): the items that we wrote for him; as the owner
   * everybody's, and all that no chain leads to any more.
   */
  async revoke(name: string, kind: number, user: string, signal: AbortSignal): Promise<void> {
    const items = (await this.items(name, signal)).filter((item) => item.kind === kind)
    const isOwner = ownersOf(items).includes(this.deps.userName)
    const gone = items.filter((item) => item.toUser === user && (isOwner || item.signer === this.deps.userName))
    const left = items.filter((item) => !gone.includes(item))
    // To protect the members' privacy the owner removes the whole subtree.
    if (isOwner) gone.push(...left.filter((item) => !isAuthorised(left, kind, item.signer, true)))
    for (const { index } of gone) await this.deps.overlay.store(this.place(name), [{ kind: Kind.accessControlList, index, value: undefined, lifetimeS: this.deps.lifetimeS }], signal)
  }

  /** Who may write the Kind there, by whose word. */
  async grants(name: string, kind: number, signal: AbortSignal): Promise<readonly Grant[]> {
    const items = await this.items(name, signal)
    return items.filter((item) => item.kind === kind && (item.isRoot || isAuthorised(items, kind, item.signer, true)))
      .map(({ toUser, allowDelegation, signer }) => ({ toUser, kind, allowDelegation, by: signer }))
  }

  /** Writes a value at one of our places; undefined removes it. @param slot our number of it in an array, 0 to 255 */
  async write(name: string, kind: number, value: Uint8Array | undefined, signal: AbortSignal, slot = 0): Promise<void> {
    const rules = this.shared(kind)
    const { overlay, lifetimeS } = this.deps
    const at = rules.dataModel === 'dictionary' ? { key: overlay.nodeId } : { index: this.index(slot) }
    await overlay.store(this.place(name), [{ kind, ...at, value: value === undefined ? undefined : withName(rules, name, value), lifetimeS }], signal)
  }

  /** The values there of those who may write them. */
  async read(name: string, kind: number, signal: AbortSignal): Promise<readonly SharedValue[]> {
    const rules = this.shared(kind)
    const selector: ValueSelector = rules.dataModel === 'dictionary' ? { model: 'dictionary', keys: [] } : all
    const [items, values] = await Promise.all([this.items(name, signal), this.deps.overlay.fetch(this.place(name), kind, selector, signal)])
    return values.flatMap(({ value, signerUserName, signerNodeId, index }) => {
      const split = splitName(rules, value)
      const mayWrite = ownsName(rules, signerUserName, name) || isAuthorised(items, kind, signerUserName, false)
      if (split === undefined || !mayWrite) return []
      return [{ writer: signerUserName, nodeId: signerNodeId, slot: (index ?? 0) % SLOTS, value: split.rest }]
    })
  }

  private async items(name: string, signal: AbortSignal): Promise<readonly PlacedItem[]> {
    const rules = this.aclRules()
    const { overlay } = this.deps
    const hash = (text: Uint8Array | string): Uint8Array => overlay.resourceId(text)
    const values = await overlay.fetch(this.place(name), rules.id, all, signal)
    return values.flatMap(({ value, signerUserName, index }) => {
      const item = readAclItem(rules, this.place(name), value, signerUserName, hash)
      return item === undefined || index === undefined ? [] : [{ ...item, index }]
    })
  }

  private async storeItem(name: string, index: number, item: { readonly toUser: string; readonly kind: number; readonly allowDelegation: boolean }, signal: AbortSignal): Promise<void> {
    const rules = this.aclRules()
    const value = withName(rules, name, encode(accessControlListItem, { ...item, toUser: utf8Bytes(item.toUser) }))
    await this.deps.overlay.store(this.place(name), [{ kind: rules.id, index, value, lifetimeS: this.deps.lifetimeS }], signal)
  }

  /** In the order of the array, so that a list reads as it has grown (§6.1). @throws PeerError 'invalid-argument' when all are used */
  private freeIndex(items: readonly PlacedItem[]): number {
    const used = new Set(items.map(({ index }) => index))
    for (let slot = 0; slot < SLOTS; slot++) if (!used.has(this.index(slot))) return this.index(slot)
    throw new PeerError('invalid-argument', 'this node has no place left in the access control list')
  }

  private index(slot: number): number { return sharedArrayPrefix(this.deps.overlay.nodeId) * SLOTS + slot }
  private place(name: string): Uint8Array { return this.deps.overlay.resourceId(name) }

  private aclRules(): KindRules { return this.shared(Kind.accessControlList) }

  private shared(kind: number): KindRules {
    const rules = this.deps.kinds.kind(kind)
    if (rules?.accessControl !== 'USER-CHAIN-ACL') throw new PeerError('invalid-argument', `Kind ${kind} is not shared in this overlay`)
    return rules
  }
}
