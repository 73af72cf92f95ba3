/** HOST:PORT as people type it; an IPv6 literal stands in brackets. */

/** @returns undefined when the text is neither HOST:PORT nor [IPv6]:PORT */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, ipv6, other, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = ipv6 ?? other
  const port = Number(digits)
  return host === undefined || !(port <= 65_535) ? undefined : { host, port }
}
