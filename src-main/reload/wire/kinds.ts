/**
 * The Kinds registered with IANA (RFC 6940 §14.6, RFC 7904 §9.1, RFC 7374 §10.3, RFC 8076 §9.2): their data models
 * and access policies are fixed here and override what a configuration says about them (§11.1).
 */
export type DataModel = 'single' | 'array' | 'dictionary'
export type AccessPolicy = 'USER-MATCH' | 'NODE-MATCH' | 'USER-NODE-MATCH' | 'NODE-MULTIPLE' | 'NODE-ID-MATCH' | 'USER-CHAIN-ACL'

export const Kind = {
  sipRegistration: 0x1, turnService: 0x2, certificateByNode: 0x3, accessControlList: 0x4, certificateByUser: 0x10, redir: 0x104,
} as const

export interface KindDefinition {
  readonly id: number
  readonly name: string
  readonly dataModel: DataModel
  readonly accessControl: AccessPolicy
}

export const registeredKinds: readonly KindDefinition[] = [
  { id: Kind.sipRegistration, name: 'SIP-REGISTRATION', dataModel: 'dictionary', accessControl: 'USER-NODE-MATCH' },
  { id: Kind.turnService, name: 'TURN-SERVICE', dataModel: 'single', accessControl: 'NODE-MULTIPLE' },
  { id: Kind.certificateByNode, name: 'CERTIFICATE_BY_NODE', dataModel: 'array', accessControl: 'NODE-MATCH' },
  { id: Kind.accessControlList, name: 'ACCESS-CONTROL-LIST', dataModel: 'array', accessControl: 'USER-CHAIN-ACL' },
  { id: Kind.certificateByUser, name: 'CERTIFICATE_BY_USER', dataModel: 'array', accessControl: 'USER-MATCH' },
  { id: Kind.redir, name: 'REDIR', dataModel: 'dictionary', accessControl: 'NODE-ID-MATCH' },
]

const byId = new Map(registeredKinds.map((kind) => [kind.id, kind]))
const byName = new Map(registeredKinds.map((kind) => [kind.name, kind]))

export function registeredKind(id: number): KindDefinition | undefined { return byId.get(id) }
export function registeredKindByName(name: string): KindDefinition | undefined { return byName.get(name) }

/** Kind-IDs which nobody may define: 0, the reserved ones, and the registered range ends (§14.6). */
export function isPrivateKind(id: number): boolean { return id >= 0xf0000001 && id <= 0xffffffff && id !== 0xfffffffe }
