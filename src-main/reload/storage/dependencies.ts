/**
 * What storage needs from its surroundings, one small interface each: the overlay algorithm, the Kinds in force,
 * proofs of signatures, and clocks. The overlay's composition hands them in.
 */
import type { TopologyPlugin } from '../forwarding/topologyPlugin.ts'
import type { SignatureVerifier } from '../security/signatureVerifier.ts'
import type { AccessPolicy, DataModel } from '../wire/kinds.ts'
import type { StoredData } from '../wire/storage.ts'

/** A Kind as the configuration in force defines it (RFC 6940 §11.1). */
export interface KindRules {
  readonly id: number
  readonly dataModel: DataModel
  readonly accessControl: AccessPolicy
  /** Existing values under one Kind at one Resource-ID; does not apply to single values. */
  readonly maxCount: number
  /** Bytes of one value. */
  readonly maxSize: number
  /** NODE-MULTIPLE only. */
  readonly maxNodeMultiple?: number | undefined
  /** NODE-ID-MATCH only: width of the ReDiR tree (RFC 7374 §8). */
  readonly branchingFactor?: number | undefined
  /** USER-CHAIN-ACL only: when enabled, values begin with their resource name (RFC 8076 §5). */
  readonly variableResourceNames?: { readonly enable: boolean; readonly patterns: readonly string[] } | undefined
}

/** Asked anew for each request, since a ConfigUpdate may change the Kinds. */
export interface Kinds {
  /** undefined for a Kind that is not known. */
  kind(id: number): KindRules | undefined
}

/** Proves who signed a stored value: the signature is right and its certificate is valid in this overlay now. */
export type DataVerifier = Pick<SignatureVerifier, 'verifyStoredData'>

/** Whom a value or a request is from. */
export interface Writer {
  readonly userName: string
  /** The one that the SignerIdentity indicates. */
  readonly nodeId: Uint8Array
}

/** H(name), the first 128 bits of SHA-1 (RFC 6940 §10.2). */
export type HashName = (name: Uint8Array | string) => Uint8Array

/**
 * A rule beyond the access policy that a usage sets for its Kind, such as the domains of RFC 7904 §3.3. Holds at
 * the storing peer and at the reader.
 */
export type UsageRule = (value: StoredData, signer: Writer) => boolean

/** The slice of CHORD-RELOAD that storage looks at. */
export interface StorageTopology extends Pick<TopologyPlugin, 'isResponsible' | 'replicaSet' | 'holdsReplica'> {
  readonly nodeId: Uint8Array
  /** False before the join is complete. */
  readonly isMember: boolean
  /** Nearest first. */
  readonly predecessors: readonly Uint8Array[]
  readonly successors: readonly Uint8Array[]
  /** Successors of the responsible peer that hold copies. */
  readonly replicas: number
}

/** Counts what is worth seeing from outside, by name. */
export type Count = (event: string) => void
