/**
 * The storing peer's side of Fetch, Stat and Find (RFC 6940 §7.4.2 to §7.4.4). Answers from what is held here,
 * whether as the responsible peer or as a replica.
 */
import { ByteWriter, equalBytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import type { Crypto } from '../../ports/crypto.ts'
import type { IncomingRequest, Outcome } from '../transaction/exchange.ts'
import { ErrorCode, HashAlgorithm, NODE_ID_LENGTH } from '../wire/constants.ts'
import { unknownKindInfo } from '../wire/message.ts'
import {
  decodeSpecifier, encodeStoredMetaData, encodeStoredValues, fetchAns, fetchReq, findAns, findReq, statAns, statReq,
  type FetchKindResponse, type FetchReq, type MetaDataValue, type StoredData, type StoredMetaData,
} from '../wire/storage.ts'
import type { Areas, HeldValue } from './areas.ts'
import { uniqueCertificates } from './certificates.ts'
import { select, synthetic } from './dataModels.ts'
import type { KindRules, Kinds, StorageTopology } from './dependencies.ts'
import { stepsTo } from './ringOrder.ts'

export class FetchHandler {
  constructor(
    private readonly areas: Areas, private readonly kinds: Kinds, private readonly topology: Pick<StorageTopology, 'isResponsible'>,
    private readonly crypto: Pick<Crypto, 'sha256'>,
  ) {}

  /** @throws DecodeError when the body does not follow its format */
  fetch(request: IncomingRequest): Outcome {
    const query = decode(fetchReq, request.body, 'the FetchReq')
    const unknown = this.unknownKinds(query)
    if (unknown !== undefined) return unknown
    const certificates: Uint8Array[] = []
    const kindResponses = this.answers(query, (found, missing) => {
      for (const value of found) certificates.push(...value.certificates)
      return encodeStoredValues([...found.map((value) => this.areas.outgoing(value)), ...missing])
    })
    return { body: encode(fetchAns, { kindResponses }), certificates: uniqueCertificates(certificates) }
  }

  /** @throws DecodeError when the body does not follow its format */
  stat(request: IncomingRequest): Outcome {
    const query = decode(statReq, request.body, 'the StatReq')
    const unknown = this.unknownKinds(query)
    if (unknown !== undefined) return unknown
    const kindResponses = this.answers(query, (found, missing) =>
      encodeStoredMetaData([...found.map((value) => this.areas.outgoing(value)), ...missing].map((data) => this.metaDataOf(data))))
    return { body: encode(statAns, { kindResponses }) }
  }

  /**
   * For each Kind the next Resource-ID at or clockwise after the one asked for, among all that is held here.
   * @throws DecodeError when the body does not follow its format
   */
  find(request: IncomingRequest): Outcome {
    const { resource, kinds } = decode(findReq, request.body, 'the FindReq')
    if (resource.length !== NODE_ID_LENGTH) throw new DecodeError('a Resource-ID has 16 bytes')
    if (new Set(kinds).size !== kinds.length) throw new DecodeError('a Kind is named twice')
    const unknown = kinds.filter((kind) => this.kinds.kind(kind) === undefined)
    if (unknown.length > 0) return { error: ErrorCode.unknownKind, info: unknownKindInfo(unknown) }
    if (!this.topology.isResponsible(resource)) return { error: ErrorCode.notFound, info: 'not responsible for this Resource-ID' }
    return { body: encode(findAns, { results: kinds.map((kind) => ({ kind, closest: this.closest(resource, kind) })) }) }
  }

  private closest(resource: Uint8Array, kind: number): Uint8Array {
    const { dataModel } = this.kinds.kind(kind) as KindRules
    let best: { readonly id: Uint8Array, readonly steps: bigint } | undefined
    for (const name of this.areas.names()) {
      if (name.kind !== kind || name.resourceId.length !== NODE_ID_LENGTH) continue
      const steps = stepsTo(resource, name.resourceId)
      if (best !== undefined && best.steps <= steps) continue
      const { values } = this.areas.read(name.resourceId, kind, dataModel)
      if (values.some(({ data }) => data.value.data.exists)) best = { id: name.resourceId, steps }
    }
    return best?.id ?? new Uint8Array(NODE_ID_LENGTH)
  }

  private unknownKinds(query: FetchReq): Outcome | undefined {
    const unknown = query.specifiers.map(({ kind }) => kind).filter((kind) => this.kinds.kind(kind) === undefined)
    return unknown.length === 0 ? undefined : { error: ErrorCode.unknownKind, info: unknownKindInfo([...new Set(unknown)].slice(0, 63)) }
  }

  /** One answer for each Kind asked for (§7.4.2.2). */
  private answers(query: FetchReq, encodeValues: (found: readonly HeldValue[], missing: readonly StoredData[]) => Uint8Array): readonly FetchKindResponse[] {
    const seen = new Set<number>()
    return query.specifiers.map(({ kind, generation, modelSpecifier }) => {
      if (seen.has(kind)) throw new DecodeError('a Kind is named twice')
      seen.add(kind)
      const { dataModel } = this.kinds.kind(kind) as KindRules
      const specifier = decodeSpecifier(dataModel, modelSpecifier)
      const area = this.areas.read(query.resource, kind, dataModel)
      const { found, missing } = select(specifier, area.values)
      // Who knows this generation has these values already. 0 means that nothing is known.
      if (generation !== 0n && generation === area.generation) return { kind, generation, values: new Uint8Array(0) }
      return { kind, generation: area.generation, values: encodeValues(found, missing.map(synthetic)) }
    })
  }

  /** The hash is over the value with its length in front (§7.4.3.2). */
  private metaDataOf(data: StoredData): StoredMetaData {
    const { exists, value } = data.value.data
    const hashed = new ByteWriter(value.length + 4).u32(value.length).bytes(value).finish()
    const meta = { exists, valueLength: value.length, hashAlgorithm: HashAlgorithm.sha256, hashValue: this.crypto.sha256(hashed) }
    return { storageTime: data.storageTime, lifetime: data.lifetime, metadata: { ...data.value, data: meta } satisfies MetaDataValue }
  }
}

/** Whether an answer to Find names a resource: all zeros, or nothing, is none (§7.4.4.2). */
export function isNoResource(closest: Uint8Array): boolean {
  return equalBytes(closest, new Uint8Array(closest.length))
}
