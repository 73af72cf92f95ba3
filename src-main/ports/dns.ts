/** Questions to the domain name system, for addresses outside the overlay (RFC 3263). */
export interface NaptrRecord {
  readonly order: number
  readonly preference: number
  readonly flags: string
  readonly service: string
  readonly replacement: string
}

export interface SrvRecord { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string }

/** Names without records, and names that do not exist, give an empty list. @throws PeerError 'peer-unreachable' when no server answers; the signal's reason when aborted */
export interface Dns {
  naptr(name: string, signal: AbortSignal): Promise<readonly NaptrRecord[]>
  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>
  /** IPv4 and IPv6 literals, in the system's order of preference. */
  addresses(name: string, signal: AbortSignal): Promise<readonly string[]>
}
