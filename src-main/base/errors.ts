/**
 * The three kinds of failure (docs/ARCHITECTURE.md, "Errors"): bytes from outside that do not parse, a service
 * that could not do what it was asked, and a bug.
 */
import type { ErrorCode } from '@shared/errorCodes.ts'

/** Bytes or text from outside do not follow their format. Caught once per entry point, counted, dropped or answered. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  /** @param what what was wrong, in the format's words; @param offset where, in bytes from the start, or -1 */
  constructor(readonly what: string, readonly offset: number = -1) {
    super(offset < 0 ? what : `${what} at byte ${offset}`)
  }
}

/** A service could not do what it was asked. `code` crosses IPC as data and is put into words by the renderer. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  constructor(readonly code: ErrorCode, message?: string, options?: { readonly cause?: unknown }) {
    super(message ?? code, options)
  }
}

/** A bug: something that cannot be, was. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

export function assertNever(value: never): never {
  throw new InvariantError(`unexpected value ${String(value)}`)
}
