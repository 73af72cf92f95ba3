/** `ringway dissect FILE|HEX`: any RELOAD message, decoded. */
import { existsSync, readFileSync } from 'node:fs'
import { toHex, fromHex } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import { dissect, reencode } from '../../reload/wire/dissect.ts'
import type { Context } from '../context.ts'

export function dissectCommand({ output }: Context, input: string, options: { framed?: boolean; reencode?: boolean }): Promise<undefined> {
  const bytes = readInput(input)
  const framed = options.framed ?? false
  if (options.reencode === true) {
    const hex = toHex(reencode(bytes, { framed }))
    output.print(hex, { hex })
  } else {
    const tree = dissect(bytes, { framed })
    output.print(JSON.stringify(tree, null, 2), tree as Record<string, unknown>)
  }
  return Promise.resolve(undefined)
}

function readInput(input: string): Uint8Array {
  const isHex = (text: string): boolean => /^[\s:0-9a-fA-F]+$/.test(text)
  const text = existsSync(input) ? readFileSync(input) : undefined
  if (text === undefined && !isHex(input)) throw new PeerError('invalid-argument', 'neither a file nor hexadecimal digits')
  if (text !== undefined && !isHex(text.toString('latin1'))) return new Uint8Array(text)
  return fromHex((text?.toString('latin1') ?? input).replace(/[\s:]/g, ''))
}
