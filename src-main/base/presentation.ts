/**
 * The presentation language of RFC 6940 §6.3.1 (that of TLS) as combinators: a structure is declared once, in the
 * RFC's shape, and the declaration gives the reader, the writer and the TypeScript type (`Infer`).
 * Lengths count bytes; a structure inside a length must use it up.
 */
import { ByteReader, ByteWriter, utf8Bytes, utf8Text } from './bytes.ts'
import { InvariantError } from './errors.ts'

export interface Codec<T> {
  /** @throws DecodeError */
  read(reader: ByteReader): T
  write(writer: ByteWriter, value: T): void
}

export type Infer<C> = C extends Codec<infer T> ? T : never
type Simplify<T> = T extends unknown ? { readonly [K in keyof T]: T[K] } : never

export const u8: Codec<number> = { read: (r) => r.u8(), write: (w, v) => { w.u8(v) } }
export const u16: Codec<number> = { read: (r) => r.u16(), write: (w, v) => { w.u16(v) } }
export const u32: Codec<number> = { read: (r) => r.u32(), write: (w, v) => { w.u32(v) } }
export const u64: Codec<bigint> = { read: (r) => r.u64(), write: (w, v) => { w.u64(v) } }

/** One byte, 0 or 1; anything else does not parse (§6.3.1.1). */
export const boolean: Codec<boolean> = {
  read: (r) => { const v = r.u8(); return v > 1 ? r.fail(`Boolean is ${v}`) : v === 1 },
  write: (w, v) => { w.u8(v ? 1 : 0) },
}

/** `opaque name[length]` */
export function fixed(length: number): Codec<Uint8Array> {
  return {
    read: (r) => r.bytes(length),
    write: (w, v) => { if (v.length !== length) throw new InvariantError(`${v.length} bytes where ${length} belong`); w.bytes(v) },
  }
}

/** How many bytes the length in front of a vector takes: `<0..2^8-1>` is `len8`. */
export type LengthBytes = 1 | 2 | 3 | 4
export const len8 = 1
export const len16 = 2
export const len24 = 3
export const len32 = 4

/** A reader of what a length prefix encloses. */
export function enclosed(r: ByteReader, lengthBytes: LengthBytes): ByteReader {
  return r.sub(lengthBytes === 1 ? r.u8() : lengthBytes === 2 ? r.u16() : lengthBytes === 3 ? r.u24() : r.u32())
}

/** `opaque name<…>` */
export function opaque(lengthBytes: LengthBytes): Codec<Uint8Array> {
  return { read: (r) => enclosed(r, lengthBytes).rest(), write: (w, v) => { w.prefixed(lengthBytes, () => { w.bytes(v) }) } }
}

/** An opaque vector that holds UTF-8 text. */
export function text(lengthBytes: LengthBytes): Codec<string> {
  return {
    read: (r) => { const at = r.offset; return utf8Text(enclosed(r, lengthBytes).rest(), at) },
    write: (w, v) => { w.prefixed(lengthBytes, () => { w.bytes(utf8Bytes(v)) }) },
  }
}

/** `T name<…>`: elements until the length is used up. */
export function vector<T>(lengthBytes: LengthBytes, element: Codec<T>): Codec<readonly T[]> {
  return {
    read: (r) => readAll(enclosed(r, lengthBytes), element),
    write: (w, v) => { w.prefixed(lengthBytes, () => { for (const item of v) element.write(w, item) }) },
  }
}

/** Elements up to the reader's end. */
export function readAll<T>(r: ByteReader, element: Codec<T>): readonly T[] {
  const items: T[] = []
  while (r.remaining > 0) {
    const at = r.offset
    items.push(element.read(r))
    if (r.offset === at) r.fail('an element of no bytes in a vector')
  }
  return items
}

/** A structure behind its own length, which it must use up. */
export function lengthed<T>(lengthBytes: LengthBytes, body: Codec<T>): Codec<T> {
  return {
    read: (r) => { const inner = enclosed(r, lengthBytes); const v = body.read(inner); inner.expectEnd('a structure'); return v },
    write: (w, v) => { w.prefixed(lengthBytes, () => { body.write(w, v) }) },
  }
}

type Fields = Readonly<Record<string, Codec<never> | Codec<unknown>>>
type StructOf<F> = { readonly [K in keyof F]: Infer<F[K]> }

/** `struct { … } Name;` */
export function struct<const F extends Fields>(fields: F): Codec<StructOf<F>> {
  const entries = Object.entries(fields) as [string, Codec<unknown>][]
  return {
    read: (r) => {
      const out: Record<string, unknown> = {}
      for (const [name, codec] of entries) out[name] = codec.read(r)
      return out as StructOf<F>
    },
    write: (w, v) => { for (const [name, codec] of entries) codec.write(w, (v as Record<string, unknown>)[name]) },
  }
}

/** Two structures in a row whose fields belong to one: the RFC's struct that ends in a select. */
export function sequence<A extends object, B extends object>(first: Codec<A>, second: Codec<B>): Codec<A & B> {
  return {
    read: (r) => ({ ...first.read(r), ...second.read(r) }),
    write: (w, v) => { first.write(w, v); second.write(w, v) },
  }
}

/** `enum { name(value), … }` that is not extensible: an unknown value does not parse (§6.3.1.1). */
export function enumeration<const M extends Readonly<Record<string, number>>>(carrier: Codec<number>, names: M): Codec<keyof M & string> {
  const byValue = new Map(Object.entries(names).map(([name, value]) => [value, name as keyof M & string]))
  return {
    read: (r) => { const v = carrier.read(r); return byValue.get(v) ?? r.fail(`unknown value ${v}, known are ${[...byValue.values()].join(', ')}`) },
    write: (w, v) => { const value = names[v]; if (value === undefined) throw new InvariantError(`no such name ${v}`); carrier.write(w, value) },
  }
}

type SelectOf<K extends string, C> = { [N in keyof C & string]: Simplify<{ readonly [P in K]: N } & Infer<C[N]>> }[keyof C & string]

/** `select (type) { case name: … }` where the type stands directly in front: a union told apart by `field`. */
export function select<K extends string, const C extends Readonly<Record<string, Codec<object>>>>(
  field: K, tag: Codec<keyof C & string>, cases: C,
): Codec<SelectOf<K, C>> {
  return {
    read: (r) => {
      const name = tag.read(r)
      return { [field]: name, ...(cases[name] as Codec<object>).read(r) } as SelectOf<K, C>
    },
    write: (w, v) => {
      const name = (v as Readonly<Record<string, unknown>>)[field] as keyof C & string
      const body = cases[name]
      if (body === undefined) throw new InvariantError(`no case ${name}`)
      tag.write(w, name)
      body.write(w, v)
    },
  }
}

export interface UnknownCase { readonly type: 'unknown', readonly code: number, readonly data: Uint8Array }

/**
 * An extensible type-length-value: one byte of type, a length, then the case's structure. A type this program does
 * not know is kept as it is and can be skipped, which is what its length is for.
 */
export function tlv<const M extends Readonly<Record<string, number>>, const C extends { readonly [N in keyof M]: Codec<object> }>(
  lengthBytes: LengthBytes, codes: M, cases: C,
): Codec<SelectOf<'type', C> | UnknownCase> {
  const names = new Map(Object.entries(codes).map(([name, code]) => [code, name]))
  const body = (name: string): Codec<object> => (cases as Readonly<Record<string, Codec<object>>>)[name] as Codec<object>
  return {
    read: (r) => {
      const code = r.u8()
      const inner = enclosed(r, lengthBytes)
      const name = names.get(code)
      if (name === undefined) return { type: 'unknown', code, data: inner.rest() }
      const value = { type: name, ...body(name).read(inner) }
      inner.expectEnd(name)
      return value as SelectOf<'type', C>
    },
    write: (w, v) => {
      if (v.type === 'unknown') {
        const { code, data } = v as UnknownCase
        w.u8(code).prefixed(lengthBytes, () => { w.bytes(data) })
        return
      }
      const code = codes[v.type]
      if (code === undefined) throw new InvariantError(`no case ${String(v.type)}`)
      w.u8(code).prefixed(lengthBytes, () => { body(v.type as string).write(w, v) })
    },
  }
}

/** Nothing on the wire. */
export const empty: Codec<object> = { read: () => ({}), write: () => undefined }

/** Reads one structure that must fill `bytes`. @throws DecodeError */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, what = 'the structure'): T {
  const r = new ByteReader(bytes)
  const value = codec.read(r)
  r.expectEnd(what)
  return value
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const w = new ByteWriter()
  codec.write(w, value)
  return w.finish()
}

/** As `encode`, for what does not live long: see `ByteWriter.finishShared`. */
export function encodeShared<T>(codec: Codec<T>, value: T): Uint8Array {
  const w = new ByteWriter()
  codec.write(w, value)
  return w.finishShared()
}
