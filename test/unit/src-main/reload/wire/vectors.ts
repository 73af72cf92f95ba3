/** The message vectors of test/data/reload: made by an independent codec, signed with keys that are not kept. */
import { readdirSync, readFileSync } from 'node:fs'
import { fromHex } from '../../../../../src-main/base/bytes.ts'

const folder = new URL('../../../../data/reload/vectors/', import.meta.url)

export interface Vector {
  readonly name: string
  readonly hex: string
  readonly bytes: Uint8Array
  readonly expect?: string
  readonly signer: string
  readonly message_code: number
  readonly fields: Readonly<Record<string, unknown>> | null | undefined
  readonly parts?: Readonly<Record<'forwarding_header' | 'message_contents' | 'message_body' | 'security_block', string>>
  readonly message_signature_input: string
  readonly data_signatures: readonly { readonly resource_id: string, readonly kind: number, readonly storage_time: number, readonly signer: string, readonly signature_input: string }[]
  readonly kind_values: readonly Readonly<Record<string, unknown>>[]
}

interface Index {
  readonly overlay_name: string
  readonly overlay_hash: string
  readonly node_ids: Readonly<Record<string, string>>
  readonly ca_der: string
  readonly certificates_der: Readonly<Record<string, string>>
  readonly hashes: Readonly<Record<string, string>>
  readonly vectors: readonly { readonly name: string }[]
}

export const index = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')) as Index

export const vectors: readonly Vector[] = readdirSync(folder).filter((file) => file !== 'index.json').sort().map((file) => {
  const vector = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Omit<Vector, 'bytes'>
  return { ...vector, bytes: fromHex(vector.hex) }
})

export const messages = vectors.filter((vector) => vector.parts !== undefined)
export function named(name: string): Vector {
  const found = vectors.find((vector) => vector.name === name)
  if (found === undefined) throw new Error(`no vector ${name}`)
  return found
}

export const caDer = fromHex(index.ca_der)
export function certificateOf(name: string): Uint8Array { return fromHex(index.certificates_der[name] as string) }

/** When the certificates of the vectors are valid. */
export const vectorTime = Date.UTC(2030, 0, 1)
