/** One request outside a dialog as a promise (RFC 3261 §8.1): MESSAGE, OPTIONS. */
import { PeerError } from '../../base/errors.ts'
import type { SipResponse } from '../message/message.ts'
import type { FinalResponse, Leg, RequestOptions } from './api.ts'
import { makeRequest, type UaContext } from './context.ts'

/** @throws PeerError 'network-timeout', 'peer-unreachable'; DecodeError for a bad URI; the signal's reason when aborted */
export async function sendRequest(context: UaContext, leg: Leg, method: string, options: RequestOptions, signal: AbortSignal): Promise<FinalResponse> {
  signal.throwIfAborted()
  const request = makeRequest(context, leg, method, {
    to: options.to, headers: options.headers ?? [], ...(options.callId === undefined ? {} : { callId: options.callId }),
  })
  if (options.body !== undefined) request.setBody(options.contentType ?? 'text/plain', options.body)
  const response = await new Promise<SipResponse>((resolve, reject) => {
    const onAbort = (): void => { reject(signal.reason instanceof Error ? signal.reason : new Error('aborted')) }
    const settle = (done: () => void): void => { signal.removeEventListener('abort', onAbort); done() }
    signal.addEventListener('abort', onAbort, { once: true })
    context.transactions.request(leg.connection, request, {
      onResponse: (final) => { if (!final.provisional) settle(() => { resolve(final) }) },
      onTimeout: () => { settle(() => { reject(new PeerError('network-timeout')) }) },
      onTransportError: (cause) => { settle(() => { reject(new PeerError('peer-unreachable', undefined, { cause })) }) },
    })
  })
  return {
    status: response.status, reason: response.reason, headers: [...response.headers],
    contentType: mediaType(response), body: response.body,
  }
}

function mediaType(response: SipResponse): string {
  const value = response.headers.get('Content-Type') ?? ''
  const semi = value.indexOf(';')
  return (semi < 0 ? value : value.slice(0, semi)).trim().toLowerCase()
}
