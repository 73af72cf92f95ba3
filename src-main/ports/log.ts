/**
 * Structured logging. Never hand it a key, a password, an invitation code or the body of a message; addresses
 * and names are redacted by the implementation when a report leaves the machine.
 */
export interface Log {
  debug(event: string, fields?: Readonly<Record<string, unknown>>): void
  info(event: string, fields?: Readonly<Record<string, unknown>>): void
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void
  error(event: string, fields?: Readonly<Record<string, unknown>>): void
  child(area: string): Log
}
