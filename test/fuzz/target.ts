/**
 * What a fuzz target is, and the oracle over all of them: bytes from outside throw nothing but DecodeError, take a
 * bounded time and make a bounded output, and what decodes encodes to what decodes alike.
 */
import { DecodeError } from '../../src-main/base/errors.ts'

export interface FuzzTarget {
  readonly name: string
  /** Valid and nearly valid inputs to start from, besides the files of test/data/fuzz/NAME. */
  readonly seeds: () => readonly Uint8Array[]
  /** Pieces that mean something to the format. */
  readonly dictionary?: readonly Uint8Array[]
  readonly maxLength?: number
  /** Longest time for one input; MAX_MS when not given. */
  readonly maxMs?: number
  /**
   * Decodes, and checks what must hold when that succeeds.
   * @returns bytes of output made, to be bounded
   * @throws DecodeError when the input is refused; Violation when something does not hold
   */
  readonly run: (input: Uint8Array) => number | Promise<number>
}

/** The input decoded, but what must hold afterwards does not. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Violation(what)
}

export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const a = show(actual)
  const b = show(expected)
  if (a !== b) throw new Violation(`${what}: ${a.slice(0, 400)} instead of ${b.slice(0, 400)}`)
}

/** A comparable text of a decoded structure. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field === 'bigint') return `${field}n`
    if (field instanceof Uint8Array) return Buffer.from(field).toString('hex')
    return field instanceof Map ? [...field as Map<unknown, unknown>] : field
  }) ?? 'undefined'
}

export const MAX_MS = 250
const MAX_OUTPUT = { factor: 64, bytes: 65_536 } as const

/** What came of one input: how it behaved, and what is wrong with that. */
export interface Outcome {
  /** Inputs that behave alike have the same text; numbers are left out. */
  readonly behaviour: string
  readonly finding: string | undefined
  readonly ms: number
}

/** Runs one input through the oracle. A slow one runs again before it counts: the machine may have been busy. */
export async function check(target: FuzzTarget, input: Uint8Array): Promise<Outcome> {
  const { maxMs = MAX_MS } = target
  let outcome = await once(target, input)
  for (let again = 0; again < 3 && outcome.ms > maxMs; again++) {
    const next = await once(target, input)
    if (next.ms < outcome.ms) outcome = next
  }
  return outcome.ms > maxMs && outcome.finding === undefined ? { ...outcome, finding: `took ${outcome.ms.toFixed(0)} ms` } : outcome
}

async function once(target: FuzzTarget, input: Uint8Array): Promise<Outcome> {
  const copy = input.slice()
  const start = performance.now()
  try {
    const result = target.run(copy)
    const output = typeof result === 'number' ? result : await result
    const ms = performance.now() - start
    if (output > MAX_OUTPUT.factor * input.length + MAX_OUTPUT.bytes) return { behaviour: 'large', finding: `${output} bytes of output from ${input.length}`, ms }
    if (!Buffer.from(copy).equals(input)) return { behaviour: 'changed', finding: 'the input was changed', ms }
    // Sizes by powers of two tell deep or wide structures from plain ones.
    return { behaviour: `ok ${Math.ceil(Math.log2(1 + output))} ${Math.ceil(Math.log2(1 + input.length))}`, finding: undefined, ms }
  } catch (error) {
    const ms = performance.now() - start
    if (error instanceof DecodeError) return { behaviour: error.what.replace(/[0-9]+/g, '#').replace(/["'<].*$/s, '').split(/[ :]+/).slice(0, 4).join(' ').slice(0, 40), finding: undefined, ms }
    const text = error instanceof Error ? `${error.name}: ${error.message}\n${(error.stack ?? '').split('\n').slice(1, 5).join('\n')}` : String(error)
    return { behaviour: 'finding', finding: text, ms }
  }
}
