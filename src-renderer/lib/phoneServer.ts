/** Where ordinary SIP phones find this peer, as a person types it into a phone. */
import type { PeerStatus } from '@shared/model/index.ts'

export interface PhoneServer {
  /** undefined when the peer listens on all addresses and none is known: it is this computer's */
  readonly host: string | undefined
  readonly port: string
  readonly tlsPort: number | undefined
}

const unspecified = new Set(['0.0.0.0', '[::]', '::'])

function split(address: string): { readonly host: string; readonly port: string } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: address.slice(colon + 1) }
}

/** undefined while the peer serves no phones. */
export function phoneServer(status: Pick<PeerStatus, 'sip' | 'sipTlsPort' | 'listen' | 'roles'>): PhoneServer | undefined {
  if (status.sip === undefined || !status.roles.some((role) => role === 'proxy' || role === 'redirect' || role === 'registrar')) return undefined
  const { host, port } = split(status.sip)
  const other = status.listen === null ? undefined : split(status.listen).host
  const known = [host, other].find((each) => each !== undefined && each !== '' && !unspecified.has(each))
  return { host: known, port, tlsPort: status.sipTlsPort }
}
