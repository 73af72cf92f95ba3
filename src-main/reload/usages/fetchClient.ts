/**
 * The reading side of Fetch (RFC 6940 §7.4.2): the storing peer is not trusted, so each value's signature,
 * certificate, access policy and usage rule are checked here again. What fails is left out and counted.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { toHex } from '../../base/bytes.ts'
import { DecodeError, PeerError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { Count, Kinds } from '../storage/dependencies.ts'
import { placeOf, select } from '../storage/dataModels.ts'
import { everything } from '../storage/replicaSender.ts'
import type { CheckedSigner, ValueChecks } from '../storage/valueChecks.ts'
import type { RequestSender } from '../transaction/exchange.ts'
import { MessageCode } from '../wire/constants.ts'
import { decodeStoredValues, encodeSpecifier, fetchAns, fetchReq, type ModelSpecifier, type StoredData } from '../wire/storage.ts'

export type ValueSelector =
  | { readonly model: 'single' }
  | { readonly model: 'array', readonly ranges: readonly { readonly first: number, readonly last: number }[] }
  /** No keys: all entries. */
  | { readonly model: 'dictionary', readonly keys: readonly Uint8Array[] }

/** A value read and verified: its signature, its signer's certificate and the Kind's access policy hold. */
export interface VerifiedValue {
  readonly kind: number
  readonly index?: number
  readonly key?: Uint8Array
  readonly value: Uint8Array
  /** ms since 1970, by the writer's clock */
  readonly storageTimeMs: number
  /** What is left of it, in seconds. */
  readonly lifetimeS: number
  readonly signer: Certificate
  readonly signerUserName: string
  readonly signerNodeId: Uint8Array
}

export interface StoredValueRead {
  readonly data: StoredData
  readonly signer: CheckedSigner
}

export interface FetchResult {
  readonly generation: bigint
  /** Existing and removed values, verified. */
  readonly stored: readonly StoredValueRead[]
  /** How many values failed their checks: the result is partial when it is not 0. */
  readonly discarded: number
  /** How many values are older than what was seen there before (§13.5.3). */
  readonly rolledBack: number
  /** Who answered. */
  readonly responder: Uint8Array
}

export interface FetchFrom {
  /** Ask this node instead of whoever is responsible: one that holds a replica. */
  readonly node?: Uint8Array
  /** And reach it by way of this one. */
  readonly via?: Uint8Array
  /** Send over the link to this connected node, whatever the routing table says. */
  readonly through?: Uint8Array
  readonly transmissions?: number
}

const rememberedPlaces = 1024

export class FetchClient {
  /** Storage times seen, to notice a storing peer that goes back to older data (§13.5.3). */
  private readonly seenTimes = new BoundedMap<string, bigint>(rememberedPlaces)

  constructor(
    private readonly sender: RequestSender, private readonly checks: Pick<ValueChecks, 'check'>,
    private readonly kinds: Kinds, private readonly count: Count,
  ) {}

  /**
   * The existing values that `selector` names, verified.
   * @throws ReloadError, RequestTimeout, DecodeError for an answer that cannot be read, PeerError 'invalid-argument'
   *   when the selector is not of the Kind's data model, or the signal's reason
   */
  async fetch(resourceId: Uint8Array, kind: number, selector: ValueSelector, signal: AbortSignal): Promise<readonly VerifiedValue[]> {
    const { stored } = await this.fetchStored(resourceId, kind, specifierOf(selector), signal)
    return existingValues(kind, stored)
  }

  /** As `fetch`, removed values included. @param specifier undefined: everything of the Kind */
  async fetchStored(resourceId: Uint8Array, kind: number, specifier: ModelSpecifier | undefined, signal: AbortSignal, from: FetchFrom = {}): Promise<FetchResult> {
    const rules = this.kinds.kind(kind)
    if (rules === undefined) throw new PeerError('invalid-argument', `Kind ${kind} is not one of this overlay`)
    const wanted = specifier ?? everything(rules.dataModel)
    if (wanted.model !== rules.dataModel) throw new PeerError('invalid-argument', `Kind ${kind} is of the data model ${rules.dataModel}`)
    const body = encode(fetchReq, { resource: resourceId, specifiers: [{ kind, generation: 0n, modelSpecifier: encodeSpecifier(wanted) }] })
    const { node, via, through, transmissions } = from
    const destination = node === undefined ? [{ resource: resourceId }] : [...(via === undefined ? [] : [{ node: via }]), { node }]
    const answer = await this.sender.request(destination, MessageCode.fetchReq, body, signal, { ...(through !== undefined && { through }), ...(transmissions !== undefined && { transmissions }) })
    const responses = decode(fetchAns, answer.body, 'the FetchAns').kindResponses
    const response = responses[0]
    if (response === undefined || responses.length !== 1 || response.kind !== kind) throw new DecodeError('a FetchAns for other Kinds than asked for')

    const values = decodeStoredValues(rules.dataModel, response.values)
    // A peer may answer with more than was asked for; what was not asked for has no effect.
    const asked = select(wanted, values.map((data) => ({ data }))).found
    const stored: StoredValueRead[] = []
    let discarded = 0
    let rolledBack = 0
    for (const { data } of asked) {
      if (data.signature.identity.type === 'none' && !data.value.data.exists) continue
      const signer = this.checks.check(rules, resourceId, data, answer.certificates)
      if (typeof signer === 'string') {
        discarded += 1
        this.count(`discarded.value.${signer}`)
        continue
      }
      if (this.noticeRollback(resourceId, kind, data)) rolledBack += 1
      stored.push({ data, signer })
    }
    return { generation: response.generation, stored, discarded, rolledBack, responder: answer.signer.nodeId }
  }

  private noticeRollback(resourceId: Uint8Array, kind: number, data: StoredData): boolean {
    const { index, key } = placeOf(data.value)
    const name = `${toHex(resourceId)}/${kind}/${index}/${toHex(key)}`
    const seen = this.seenTimes.get(name)
    if (seen !== undefined && data.storageTime < seen) {
      this.count('suspicious.rollback')
      return true
    }
    this.seenTimes.set(name, data.storageTime)
    return false
  }
}

export function specifierOf(selector: ValueSelector): ModelSpecifier {
  return selector.model === 'array' ? { model: 'array', indices: selector.ranges } : selector
}

/** What was read, for those who are not interested in removed values. */
export function existingValues(kind: number, stored: readonly StoredValueRead[]): readonly VerifiedValue[] {
  return stored.filter(({ data }) => data.value.data.exists).map(({ data, signer }) => ({
    kind,
    ...(data.value.model === 'array' && { index: data.value.index }),
    ...(data.value.model === 'dictionary' && { key: data.value.key.slice() }),
    value: data.value.data.value.slice(),
    storageTimeMs: Number(data.storageTime), lifetimeS: data.lifetime,
    signer: signer.certificate, signerUserName: signer.userName, signerNodeId: signer.nodeId,
  }))
}
