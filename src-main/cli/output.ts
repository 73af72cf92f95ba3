/** What the command line prints: words for people, or one JSON object a line with --json. Exit codes of docs: 0, 1, 2. */
import { ContractError } from '@shared/ipc/client.ts'
import { PeerError } from '../base/errors.ts'
import { explain } from './words.ts'

export interface Output {
  readonly json: boolean
  /** A fact: `fields` as JSON, or `text` for people. */
  print(text: string, fields: Record<string, unknown>): void
}

export function createOutput(json: boolean): Output {
  return {
    json,
    print: (text, fields) => { process.stdout.write(`${json ? JSON.stringify(fields) : text}\n`) },
  }
}

/** Prints why a command failed, as its last line, and returns the exit code. */
export function printFailure(output: Output, cause: unknown): number {
  const code = cause instanceof ContractError || cause instanceof PeerError ? cause.code : 'internal'
  const message = cause instanceof Error ? cause.message : String(cause)
  if (output.json) process.stdout.write(`${JSON.stringify({ error: code, message })}\n`)
  else process.stderr.write(`ringway: ${explain(code)}\n  (${code}: ${message})\n`)
  return 1
}
