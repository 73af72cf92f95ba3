/**
 * The storing peer's side of Store (RFC 6940 §7.4.1): all checks in the RFC's order, then all Kinds of the request
 * in one transaction or none. Also the merge of newer data found elsewhere. Replication is told what changed.
 */
import { equalBytes } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import type { IncomingRequest, Outcome } from '../transaction/exchange.ts'
import { ErrorCode, NODE_ID_LENGTH } from '../wire/constants.ts'
import { unknownKindInfo } from '../wire/message.ts'
import { decodeStoredValues, storeAns, storeReq, type StoreKindData, type StoreKindResponse, type StoredData } from '../wire/storage.ts'
import { updateArea, type StoreError } from './areaUpdate.ts'
import { type Areas, type HeldValue, MAX_GENERATION } from './areas.ts'
import type { Count, KindRules, Kinds, StorageTopology } from './dependencies.ts'
import type { StorageClock } from './expiry.ts'
import { closerNodes } from './ringOrder.ts'
import type { SharedAccess } from './sharedAccess.ts'
import type { ValueChecks } from './valueChecks.ts'

export interface StoreUser {
  /** Data that we are responsible for changed: replicas must follow. @param from a peer that has copied it to us */
  onStored(resourceId: Uint8Array, kinds: readonly number[], from?: Uint8Array): void
  /** A peer near us has copied to us what it holds. */
  onCopied(resourceId: Uint8Array, from: Uint8Array): void
}

/** One Kind of a request, checked, before it is applied. */
interface Part {
  readonly rules: KindRules
  readonly generation: bigint
  readonly values: readonly HeldValue[]
}

/** Carries an error out of the transaction, which undoes it. */
class Refused extends Error {
  override readonly name = 'Refused'
  constructor(readonly outcome: Outcome & { readonly error: number }) { super('refused') }
}

export class StoreHandler {
  constructor(
    private readonly areas: Areas, private readonly clock: StorageClock, private readonly kinds: Kinds,
    private readonly checks: ValueChecks, private readonly topology: StorageTopology,
    private readonly shared: Pick<SharedAccess, 'mayStore'>, private readonly user: StoreUser, private readonly count: Count,
  ) {}

  /** @throws DecodeError when the body does not follow its format */
  handle(request: IncomingRequest): Outcome {
    try {
      return this.store(request)
    } catch (cause) {
      if (cause instanceof PeerError) {
        // The disk is full or the database damaged: the writer must not believe that it is stored.
        this.count('failed.store')
        return { error: ErrorCode.dataTooLarge, info: 'no room' }
      }
      if (!(cause instanceof Refused)) throw cause
      this.count(`refused.store.${cause.outcome.error}`)
      return cause.outcome
    }
  }

  /**
   * Takes over what is newer in `values`, as if everything had been stored in the order of storage times (§7.4.1.1).
   * Values that fail their checks are passed over. Returns whether anything changed.
   */
  merge(resourceId: Uint8Array, kind: number, generation: bigint, values: readonly StoredData[], bucket: readonly Uint8Array[]): boolean {
    const rules = this.kinds.kind(kind)
    if (rules === undefined) return false
    const sound = values.flatMap((data) => {
      const signer = this.checks.check(rules, resourceId, data, bucket)
      return typeof signer === 'string' ? [] : [this.held(data, signer.certificates)]
    })
    const changed = this.areas.transact(() => {
      const area = this.areas.read(resourceId, kind, rules.dataModel)
      const update = updateArea(rules, area.values, sound, 'skip')
      if ('error' in update || !update.changed) return false
      const newest = generation > area.generation && generation <= MAX_GENERATION ? generation : area.generation
      this.areas.write(resourceId, kind, { generation: this.areas.generationAfter(newest), values: update.values })
      return true
    })
    if (changed) {
      this.count('merged')
      if (this.topology.isResponsible(resourceId)) this.user.onStored(resourceId, [kind])
    }
    return changed
  }

  private store(request: IncomingRequest): Outcome {
    const { resource, replicaNumber, kindData } = decode(storeReq, request.body, 'the StoreReq')
    if (resource.length !== NODE_ID_LENGTH) refuse(ErrorCode.invalidMessage, 'a Resource-ID has 16 bytes')
    if (new Set(kindData.map((part) => part.kind)).size !== kindData.length) refuse(ErrorCode.invalidMessage, 'a Kind is named twice')
    this.checkPlace(resource, replicaNumber > 0, request)
    const unknown = kindData.filter((part) => this.kinds.kind(part.kind) === undefined).map((part) => part.kind)
    if (unknown.length > 0) refuse(ErrorCode.unknownKind, unknownKindInfo(unknown))

    const bucket = request.certificates
    if (replicaNumber > 0 && !this.isPlausibleReplicaSender(resource, request.signer.nodeId)) return this.takeLate(resource, kindData, bucket)
    const parts = kindData.map(({ kind, generationCounter, values }): Part => {
      const rules = this.kinds.kind(kind) as KindRules
      if (replicaNumber > 0 && (generationCounter === 0n || generationCounter > MAX_GENERATION)) refuse(ErrorCode.invalidMessage, 'a replica has a generation counter from 1 to 2^63 - 1')
      const sent = decodeStoredValues(rules.dataModel, values)
      return { rules, generation: generationCounter, values: sent.map((data) => this.checkValue(rules, resource, replicaNumber > 0, data, bucket, request)) }
    })
    return replicaNumber > 0 ? this.applyReplica(resource, parts, request.signer.nodeId) : this.applyOriginal(resource, parts)
  }

  private checkPlace(resource: Uint8Array, replica: boolean, request: IncomingRequest): void {
    if (!replica) {
      if (!this.topology.isResponsible(resource)) refuse(ErrorCode.notFound, 'not responsible for this Resource-ID')
      return
    }
    // Before a join is complete the admitting peer already hands over what will be ours.
    if (this.topology.isMember && !this.topology.holdsReplica(resource)) refuse(ErrorCode.forbidden, 'no replica of this Resource-ID belongs here')
    if (!this.topology.isResponsible(resource) && !this.isPlausibleReplicaSender(resource, request.signer.nodeId)) refuse(ErrorCode.forbidden, 'the sender is not in the replica set')
  }

  /**
   * What is ours by now, from a peer that was responsible and has had several others come between since, when many join at
   * once. We do not know it, so that only what its writers have signed counts, and not the generation that it tells.
   */
  private takeLate(resource: Uint8Array, kindData: readonly StoreKindData[], bucket: readonly Uint8Array[]): Outcome {
    const kindResponses = kindData.map(({ kind, values }): StoreKindResponse => {
      const { dataModel } = this.kinds.kind(kind) as KindRules
      this.merge(resource, kind, 0n, decodeStoredValues(dataModel, values), bucket)
      return { kind, generationCounter: this.areas.read(resource, kind, dataModel).generation, replicas: [] }
    })
    return { body: encode(storeAns, { kindResponses }) }
  }

  /**
   * A node of the replica set, or closer than one of it. To the responsible peer also any neighbour: after a
   * partition has healed, or a late hand-over, the data of our range may come from a peer that was responsible.
   */
  private isPlausibleReplicaSender(resource: Uint8Array, sender: Uint8Array): boolean {
    if (closerNodes(this.topology, resource, sender) <= this.topology.replicas) return true
    const { predecessors, successors } = this.topology
    return this.topology.isResponsible(resource) && [...predecessors, ...successors].some((id) => equalBytes(id, sender))
  }

  private checkValue(rules: KindRules, resource: Uint8Array, replica: boolean, data: StoredData, bucket: readonly Uint8Array[], request: IncomingRequest): HeldValue {
    const signer = this.checks.check(rules, resource, data, bucket)
    if (typeof signer === 'string') refuse(ErrorCode.forbidden, `the value of ${rules.id} fails: ${signer}`)
    if (!replica && !this.checks.allows(rules, resource, data, request.signer)) refuse(ErrorCode.forbidden, 'the sender may not write this Kind at this Resource-ID')
    if (!replica && rules.accessControl === 'USER-CHAIN-ACL' && !this.shared.mayStore(rules, resource, data, signer)) {
      refuse(ErrorCode.forbidden, `the access control list does not let ${signer.userName} write Kind ${rules.id} here`)
    }
    return this.held(data, signer.certificates)
  }

  private held(data: StoredData, certificates: HeldValue['certificates']): HeldValue {
    return { data, certificates, expiresAtMs: this.clock.endOfLife(data.lifetime) }
  }

  private applyOriginal(resource: Uint8Array, parts: readonly Part[]): Outcome {
    const current = (part: Part): bigint => this.areas.read(resource, part.rules.id, part.rules.dataModel).generation
    const mismatch = parts.some((part) => part.generation !== 0n && part.generation !== current(part))
    if (mismatch) {
      const counters = parts.map((part): StoreKindResponse => ({ kind: part.rules.id, generationCounter: current(part), replicas: [] }))
      refuse(ErrorCode.generationCounterTooLow, encode(storeAns, { kindResponses: counters }))
    }
    const replicas = this.topology.replicaSet()
    const changed: number[] = []
    const kindResponses = this.areas.transact(() => parts.map((part): StoreKindResponse => {
      const area = this.areas.read(resource, part.rules.id, part.rules.dataModel)
      const update = accepted(updateArea(part.rules, area.values, part.values, 'fail'))
      if (!update.changed) return { kind: part.rules.id, generationCounter: area.generation, replicas }
      const generation = this.areas.generationAfter(area.generation)
      this.areas.write(resource, part.rules.id, { generation, values: update.values })
      changed.push(part.rules.id)
      return { kind: part.rules.id, generationCounter: generation, replicas }
    }))
    if (changed.length > 0) {
      this.count('stored')
      this.user.onStored(resource, changed)
    }
    return { body: encode(storeAns, { kindResponses }) }
  }

  private applyReplica(resource: Uint8Array, parts: readonly Part[], from: Uint8Array): Outcome {
    const changed: number[] = []
    this.areas.transact(() => {
      for (const { rules, generation, values } of parts) {
        const area = this.areas.read(resource, rules.id, rules.dataModel)
        const update = accepted(updateArea(rules, area.values, values, 'fail'))
        if (update.changed) changed.push(rules.id)
        // the owner counts on: what an earlier one hands over late was counted before
        const late = generation < area.generation && this.topology.isResponsible(resource)
        const next = !late ? generation : update.changed ? this.areas.generationAfter(area.generation) : area.generation
        if (update.changed || next !== area.generation) this.areas.write(resource, rules.id, { generation: next, values: update.values })
      }
    })
    this.count('stored.replica')
    this.user.onCopied(resource, from)
    // Handed to us as its owner: our replicas have to follow.
    if (changed.length > 0 && this.topology.isResponsible(resource)) this.user.onStored(resource, changed, from)
    const kindResponses = parts.map(({ rules, generation }): StoreKindResponse => ({ kind: rules.id, generationCounter: generation, replicas: [] }))
    return { body: encode(storeAns, { kindResponses }) }
  }
}

function refuse(error: number, info: string | Uint8Array): never {
  throw new Refused({ error, info })
}

function accepted<T extends object>(update: T | StoreError): T {
  if ('error' in update) refuse(update.error, update.info)
  return update
}

