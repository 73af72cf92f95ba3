/**
 * Any RELOAD message as a plain object, for people and for comparison with other decoders: field names as the RFC
 * writes them, bytes in hexadecimal, 64-bit numbers as numbers when they are exact and as 0x… when they are not.
 * Values of registered Kinds and known extensions are read too; what does not parse inside is left as bytes.
 */
import { toHex } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { decode, encode, type Codec } from '../../base/presentation.ts'
import { decodeBody, encodeContents, type BodyName, type BodyOf } from './bodies.ts'
import { errorName, ErrorCode, ExtensionType, ForwardingOptionType, messageName } from './constants.ts'
import { readDiagnostic } from './diagnostics.ts'
import { diagnosticsRequest, diagnosticsResponse, extensiveRoutingModeOption, selfTuningData, type DiagnosticsResponse } from './extensions.ts'
import { HeaderView, decodeHeader, encodeWithHeader, type ForwardingHeader } from './forwardingHeader.ts'
import { framedMessage } from './framing.ts'
import { Kind, registeredKind, type DataModel } from './kinds.ts'
import { decodeMessage, encodeMessage, readUnknownKindInfo, type Message, type MessageExtension } from './message.ts'
import { decodeSpecifier, decodeStoredMetaData, decodeStoredValues, type StoredData } from './storage.ts'
import { chordLeaveData } from './topology.ts'
import { accessControlListItem, redirServiceProvider, sipRegistration, turnServer } from './usages.ts'

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain }
export interface DissectOptions {
  /** The bytes start with the framing header of a link (§6.6.2). */
  readonly framed?: boolean
  /** Data models of Kinds that are not registered. */
  readonly modelOf?: (kind: number) => DataModel | undefined
}

/** @throws DecodeError when the bytes are no RELOAD message or fragment */
export function dissect(bytes: Uint8Array, options: DissectOptions = {}): { readonly [name: string]: Plain } {
  if (options.framed === true) {
    const frame = decode(framedMessage, bytes, 'the frame')
    if (frame.type === 'ack') return plainObject(frame)
    return { type: 'data', sequence: frame.sequence, message: dissect(frame.message, { ...options, framed: false }) }
  }
  const view = new HeaderView(bytes)
  if (!view.isWhole) {
    const { headerLength: _, ...header } = decodeHeader(bytes)
    return { forwarding_header: plainHeader(header), fragment_body: toHex(view.body) }
  }
  const message = decodeMessage(bytes)
  const { messageCode, messageBody, extensions } = message.contents
  const name = messageName(messageCode) as BodyName | undefined
  return {
    forwarding_header: plainHeader(message.header),
    message_contents: {
      message_code: messageCode, message_name: name ?? 'unknown',
      message_body: name === undefined ? toHex(messageBody) : plainBody(name, messageBody, options),
      extensions: extensions.map((extension) => plainExtension(extension, name)),
    },
    security_block: plainValue(message.security),
  }
}

/** Decodes to the last field and encodes again: the same bytes if the message is canonical. @throws DecodeError */
export function reencode(bytes: Uint8Array, options: DissectOptions = {}): Uint8Array {
  if (options.framed === true) {
    const frame = decode(framedMessage, bytes, 'the frame')
    return encode(framedMessage, frame.type === 'ack' ? frame : { ...frame, message: reencode(frame.message) })
  }
  const view = new HeaderView(bytes)
  if (!view.isWhole) return encodeWithHeader(decodeHeader(bytes), view.body)
  const message: Message = decodeMessage(bytes)
  const name = messageName(message.contents.messageCode) as BodyName | undefined
  const contents = name === undefined ? message.contents : reencodeBody(name, message.contents.messageBody, message.contents.extensions)
  return encodeMessage({ ...message, contents })
}

function reencodeBody<N extends BodyName>(name: N, body: Uint8Array, extensions: readonly MessageExtension[]): Message['contents'] {
  return encodeContents(name, decodeBody(name, body), extensions)
}

function plainHeader(header: ForwardingHeader): Plain {
  return {
    ...plainObject(header),
    options: header.options.map((option) => ({
      ...plainObject(option),
      ...(option.type === ForwardingOptionType.extensiveRoutingMode ? attempt('extensive_routing_mode', extensiveRoutingModeOption, option.value) : {}),
    })),
  }
}

function plainBody(name: BodyName, messageBody: Uint8Array, options: DissectOptions): Plain {
  const body = decodeBody(name, messageBody)
  const model = (kind: number): DataModel | undefined => options.modelOf?.(kind) ?? registeredKind(kind)?.dataModel
  switch (name) {
    case 'storeReq': {
      const store = body as BodyOf<'storeReq'>
      return { ...plainObject(store), kind_data: store.kindData.map((data) => ({ ...plainObject(data), values: plainValues(data.kind, model(data.kind), data.values) })) }
    }
    case 'fetchAns': {
      const fetch = body as BodyOf<'fetchAns'>
      return { kind_responses: fetch.kindResponses.map((data) => ({ ...plainObject(data), values: plainValues(data.kind, model(data.kind), data.values) })) }
    }
    case 'statAns': {
      const stat = body as BodyOf<'statAns'>
      return { kind_responses: stat.kindResponses.map((data) => {
        const m = model(data.kind)
        return { ...plainObject(data), values: m === undefined ? toHex(data.values) : plainValue(decodeStoredMetaData(m, data.values)) }
      }) }
    }
    case 'fetchReq':
    case 'statReq': {
      const fetch = body as BodyOf<'fetchReq'>
      return { ...plainObject(fetch), specifiers: fetch.specifiers.map((specifier) => {
        const m = model(specifier.kind)
        return { ...plainObject(specifier), model_specifier: m === undefined ? toHex(specifier.modelSpecifier) : plainValue(decodeSpecifier(m, specifier.modelSpecifier)) }
      }) }
    }
    case 'pathTrackAns': {
      const { nextHop, response } = body as BodyOf<'pathTrackAns'>
      return { next_hop: plainValue(nextHop), response: plainDiagnostics(response) }
    }
    case 'leaveReq': {
      const leave = body as BodyOf<'leaveReq'>
      return { ...plainObject(leave), ...attempt('chord_leave_data', chordLeaveData, leave.overlaySpecificData) }
    }
    case 'error': {
      const error = body as BodyOf<'error'>
      const kinds = error.errorCode === ErrorCode.unknownKind ? readUnknownKinds(error.errorInfo) : {}
      return { ...plainObject(error), error_name: errorName(error.errorCode), ...kinds }
    }
    default:
      return plainValue(body)
  }
}

function readUnknownKinds(info: Uint8Array): { readonly [name: string]: Plain } {
  try {
    return { unknown_kinds: readUnknownKindInfo(info) }
  } catch (error) {
    if (error instanceof DecodeError) return {}
    throw error
  }
}

/** Values that do not follow the Kind's model make the body malformed, as they do for a storing peer. */
function plainValues(kind: number, model: DataModel | undefined, values: Uint8Array): Plain {
  if (model === undefined) return toHex(values)
  const codec = valueCodecs.get(kind)
  return decodeStoredValues(model, values).map((stored) => ({
    ...plainStored(stored),
    ...(codec === undefined || !stored.value.data.exists ? {} : attempt('decoded_value', codec, stored.value.data.value)),
  }))
}

/** The DataValue of an array or dictionary entry is its `value` (§7.2). */
function plainStored(stored: StoredData): { readonly [name: string]: Plain } {
  const { data, ...entry } = stored.value
  return { ...plainObject(stored), value: { ...plainObject(entry), value: plainValue(data) } }
}

const valueCodecs = new Map<number, Codec<never>>([
  [Kind.sipRegistration, sipRegistration as Codec<never>], [Kind.turnService, turnServer as Codec<never>],
  [Kind.redir, redirServiceProvider as Codec<never>], [Kind.accessControlList, accessControlListItem as Codec<never>],
])

function plainExtension(extension: MessageExtension, name: BodyName | undefined): Plain {
  const plain = plainObject(extension)
  switch (extension.type) {
    case ExtensionType.diagnosticPing:
      return name === 'pingAns'
        ? { ...plain, ...attempt('diagnostics', diagnosticsResponse, extension.extensionContents, plainDiagnostics) }
        : { ...plain, ...attempt('diagnostics', diagnosticsRequest, extension.extensionContents) }
    case ExtensionType.selfTuningData:
      return { ...plain, ...attempt('self_tuning_data', selfTuningData, extension.extensionContents) }
    default:
      return plain
  }
}

/** Figures are shown by name beside their bytes (RFC 7851 §5.3). */
function plainDiagnostics(response: DiagnosticsResponse): Plain {
  return {
    ...plainObject(response),
    diagnostic_info_list: response.diagnosticInfoList.map((info) => {
      const read = readDiagnostic(info)
      return { ...plainObject(info), ...(read !== undefined && { diagnostic_name: read.name, decoded_value: plainValue(read.value) }) }
    }),
  }
}

function attempt<T>(name: string, codec: Codec<T>, bytes: Uint8Array, plain: (value: T) => Plain = plainValue): { readonly [name: string]: Plain } {
  try {
    return { [name]: plain(decode(codec, bytes)) }
  } catch (error) {
    if (error instanceof DecodeError) return {}
    throw error
  }
}

function snake(name: string): string { return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`).replace('d_m_flags', 'dMFlags') }

function plainObject(value: object): { readonly [name: string]: Plain } {
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [snake(name), plainValue(field)]))
}

function plainValue(value: unknown): Plain {
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'bigint') return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : `0x${value.toString(16).padStart(16, '0')}`
  if (Array.isArray(value)) return value.map(plainValue)
  if (typeof value === 'object' && value !== null) return plainObject(value)
  return value as Plain
}

