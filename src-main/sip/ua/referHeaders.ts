/** The header fields of call transfer: Refer-To (RFC 3515 §2.1), Replaces (RFC 3891 §6), Referred-By (RFC 3892 §3). */
import { DecodeError } from '../../base/errors.ts'
import { Params, parseParams } from '../message/params.ts'
import type { SipRequest } from '../message/message.ts'
import { formatNameAddr, parseNameAddr } from '../message/nameAddr.ts'
import { aorOf, parseUri, printUri, uriOfAor } from '../message/uri.ts'
import type { DialogInfo, Party, Replaced } from './api.ts'
import { partyOf } from './context.ts'

/** The call of ours that an INVITE is to take the place of; undefined when it names none. @throws DecodeError */
export function readReplaces(request: SipRequest): Replaced | undefined {
  const value = request.headers.get('Replaces')
  if (value === undefined) return undefined
  if (request.headers.count('Replaces') > 1) throw new DecodeError('more than one Replaces')
  const semi = value.indexOf(';')
  const params = parseParams(value, semi < 0 ? value.length : semi)
  const localTag = params.get('to-tag'), remoteTag = params.get('from-tag')
  const callId = (semi < 0 ? value : value.slice(0, semi)).trim()
  if (callId === '' || localTag === undefined || remoteTag === undefined) throw new DecodeError('Replaces')
  return { callId, localTag, remoteTag, earlyOnly: params.has('early-only') }
}

/** Address of record in Referred-By; undefined when there is none that can be read: nothing depends on it. */
export function readReferredBy(request: SipRequest): string | undefined {
  const value = request.headers.get('Referred-By')
  if (value === undefined) return undefined
  try { return partyOf(parseNameAddr(value)).aor } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** Refer-To of the party to be called, with the dialog that the call is to replace. @throws DecodeError */
export function formatReferTo(target: string, replaces: DialogInfo | undefined): string {
  const uri = parseUri(target)
  if (replaces === undefined || uri.kind !== 'sip') return `<${printUri(uri)}>`
  // §6.1: the tags are named from the side of who gets the INVITE
  const value = `${replaces.callId};to-tag=${replaces.remoteTag};from-tag=${replaces.localTag}`
  return `<${printUri({ ...uri, headers: undefined })}?Replaces=${encodeURIComponent(value)}>`
}

export function formatReferredBy(aor: string, displayName: string): string {
  return formatNameAddr(displayName, printUri(uriOfAor(aor)), new Params())
}

/** Who is to be called, and the Replaces that the INVITE is to carry. @throws DecodeError */
export function readReferTo(value: string): { target: Party; method: string; replaces: string | undefined } {
  const address = parseNameAddr(value)
  const { uri } = address
  if (uri.kind !== 'sip') return { target: partyOf(address), method: 'INVITE', replaces: undefined }
  const params = uri.params.clone()
  const method = params.get('method') ?? 'INVITE'
  params.delete('method')
  const plain = { ...uri, params, headers: undefined }
  const target = { aor: aorOf(plain) ?? printUri(plain), uri: printUri(plain), displayName: address.displayName }
  return { target, method: method.toUpperCase(), replaces: replacesOf(uri.headers ?? '') }
}

function replacesOf(headers: string): string | undefined {
  for (const part of headers.split('&')) {
    const equals = part.indexOf('=')
    if (equals < 0 || part.slice(0, equals).toLowerCase() !== 'replaces') continue
    try { return decodeURIComponent(part.slice(equals + 1)) } catch { throw new DecodeError('Replaces in Refer-To') }
  }
  return undefined
}
