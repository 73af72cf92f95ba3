/** Addresses as they stand in Via and URIs: IPv6 literals in brackets. */
export interface HostPort { readonly host: string; readonly port: number }

export function bracketHost(host: string): string { return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host }
export function plainHost(host: string): string { return host.startsWith('[') ? host.slice(1, -1) : host }

/** Default port of a transport (RFC 3261 §18.1.1; RFC 7118 §4). */
export function defaultPort(transport: string): number {
  switch (transport) {
    case 'TLS': case 'DTLS-UDP': return 5061
    case 'WS': return 80
    case 'WSS': return 443
    default: return 5060
  }
}
