/**
 * The addresses ICE offers as host candidates (RFC 8445 §5.1.1.1). The ICE library leaves out loopback and some
 * virtual interfaces by name; here every interface counts, and loopback when there is nothing else.
 */
import { networkInterfaces } from 'node:os'

export function hostAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []).filter((each) => !isLinkLocal(each.address))
  const outside = all.filter((each) => !each.internal)
  return (outside.length > 0 ? outside : all).map((each) => each.address).slice(0, maxAddresses)
}

const maxAddresses = 10

function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address)
}
