/**
 * Diagnostic Kinds of RFC 7851 §5.3 and §9: names, code points, the flags that ask for them, and the form of each
 * value. The RFC gives arrays no lengths of their own: entries stand one behind the other and fill the contents.
 */
import { utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { decode, encode, readAll, struct, u16, u32, u64, u8, type Codec, type Infer } from '../../base/presentation.ts'
import type { DiagnosticsRequest, DiagnosticsResponse } from './extensions.ts'

/** "A C-style string … MUST be terminated by \0", in US-ASCII. */
const cString: Codec<string> = {
  read: (r) => {
    const bytes = r.rest()
    if (bytes.at(-1) !== 0 || bytes.indexOf(0) !== bytes.length - 1) r.fail('a string without its one \\0 at the end')
    return utf8Text(bytes.subarray(0, -1))
  },
  write: (w, v) => { w.bytes(utf8Bytes(v.replace(/[^\x20-\x7e]/g, '?'))).u8(0) },
}

/** "Each entry is a pair of unsigned 64-bit integers (packed end to end)", behind what the array is indexed by. */
function array<T>(entry: Codec<T>): Codec<readonly T[]> {
  return { read: (r) => readAll(r, entry), write: (w, v) => { for (const item of v) entry.write(w, item) } }
}

const forms = {
  STATUS_INFO: u8, ROUTING_TABLE_SIZE: u32, PROCESS_POWER: u64, UPSTREAM_BANDWIDTH: u64, DOWNSTREAM_BANDWIDTH: u64, SOFTWARE_VERSION: cString,
  MACHINE_UPTIME: u64, APP_UPTIME: u64, MEMORY_FOOTPRINT: u64, DATASIZE_STORED: u64, INSTANCES_STORED: array(struct({ kind: u32, instances: u64 })),
  MESSAGES_SENT_RCVD: array(struct({ messageCode: u16, sent: u64, received: u64 })), EWMA_BYTES_SENT: u32, EWMA_BYTES_RCVD: u32,
  UNDERLAY_HOP: u8, BATTERY_STATUS: u8,
} as const

export type DiagnosticName = keyof typeof forms
/** Figures of a peer by name: those that are known. Units are the RFC's. */
export type Diagnostics = { readonly [N in DiagnosticName]?: Infer<(typeof forms)[N]> }

/** In the order of their code points, which begin with 1 (§9.2). */
export const diagnosticNames = Object.keys(forms) as readonly DiagnosticName[]
export const diagnosticKinds: readonly number[] = diagnosticNames.map((_, i) => i + 1)

/** Kinds up to here are asked for by flags only (§5.1). */
export const LAST_FLAGGED_KIND = 0x3f
/** Everything there is (§5.3). */
export const ALL_DIAGNOSTICS = 0xffff_ffff_ffff_ffffn
/** "The first and last bits … MUST be set to 0 when other particular diagnostic Kind IDs are requested." */
const RESERVED_FLAGS = 0x8000_0000_0000_0001n

/** undefined: a Kind without meaning here, such as one of local use. */
export function diagnosticName(kind: number): DiagnosticName | undefined { return diagnosticNames[kind - 1] }
export function diagnosticKind(name: DiagnosticName): number { return diagnosticNames.indexOf(name) + 1 }
export function flagsFor(kinds: Iterable<number>): bigint {
  let flags = 0n
  for (const kind of kinds) if (kind > 0 && kind < LAST_FLAGGED_KIND) flags |= 1n << BigInt(kind)
  return flags
}

/**
 * The Kinds a request names, those of its flags first; 'all' when it asks for everything.
 * @throws DecodeError when it breaks the rules of §5.1 and §5.3
 */
export function requestedKinds({ dMFlags, diagnosticExtensionsList }: DiagnosticsRequest): 'all' | readonly number[] {
  const extended = diagnosticExtensionsList.map(({ kind }) => kind)
  const flagged = extended.find((kind) => kind <= LAST_FLAGGED_KIND)
  if (flagged !== undefined) throw new DecodeError(`diagnostic Kind ${flagged} is asked for by its flag`)
  if (dMFlags === ALL_DIAGNOSTICS) return 'all'
  if ((dMFlags & RESERVED_FLAGS) !== 0n) throw new DecodeError('a reserved flag is set')
  const kinds: number[] = []
  for (let kind = 1; kind < LAST_FLAGGED_KIND; kind++) if ((dMFlags & (1n << BigInt(kind))) !== 0n) kinds.push(kind)
  return [...kinds, ...extended]
}

type DiagnosticInfo = DiagnosticsResponse['diagnosticInfoList'][number]

/** The figures of `kinds` that are known. */
export function writeDiagnostics(figures: Diagnostics, kinds: readonly number[]): readonly DiagnosticInfo[] {
  return kinds.flatMap((kind) => {
    const name = diagnosticName(kind)
    const value = name === undefined ? undefined : figures[name]
    return name === undefined || value === undefined ? [] : [{ kind, diagnosticInfoContents: encode(forms[name] as Codec<unknown>, value) }]
  })
}

/** What a peer told; what is unknown or does not parse is left out. */
export function readDiagnostics(list: readonly DiagnosticInfo[]): Diagnostics {
  return Object.fromEntries(list.flatMap((info) => {
    const read = readDiagnostic(info)
    return read === undefined ? [] : [[read.name, read.value]]
  }))
}

/** undefined: a Kind without meaning here, or contents that are not of its form */
export function readDiagnostic({ kind, diagnosticInfoContents }: DiagnosticInfo): { readonly name: DiagnosticName; readonly value: unknown } | undefined {
  const name = diagnosticName(kind)
  if (name === undefined) return undefined
  try {
    return { name, value: decode(forms[name] as Codec<unknown>, diagnosticInfoContents, name) }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
