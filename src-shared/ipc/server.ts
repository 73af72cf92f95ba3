/** The answering half of the contract over any Port: checks parameters, calls the handler, sends results and events. */
import { events, methods, type CheckedParams, type EventName, type Events, type Method, type Result } from './contract.ts'
import { isErrorCode, type ErrorCode } from '../errorCodes.ts'
import type { Port } from './port.ts'

/** One client at the door. Handlers get it to know who asks (a client is the media engine of its own calls). */
export interface ClientConnection {
  readonly id: string
  emit<E extends EventName>(event: E, value: Events[E]): void
  readonly onClose: (listener: () => void) => void
}

export type Handlers = { [M in Method]: (params: CheckedParams<M>, client: ClientConnection) => Result<M> | Promise<Result<M>> }

export interface ServeLimits { maxFrameBytes: number; maxOutstanding: number }
const defaultLimits: ServeLimits = { maxFrameBytes: 2_000_000, maxOutstanding: 256 }

const rpcCodes = { parse: -32700, request: -32600, method: -32601, params: -32602, server: -32000 } as const

/**
 * Serves one client. `report` is told of failures that are bugs (no error code), with the method's name.
 */
export function serve(
  port: Port, id: string, handlers: Handlers, report: (method: string, cause: unknown) => void, limits: ServeLimits = defaultLimits,
): ClientConnection {
  const closers = new Set<() => void>()
  let outstanding = 0
  let open = true
  const client: ClientConnection = {
    id,
    emit: (event, value) => { if (open) port.send(JSON.stringify({ jsonrpc: '2.0', method: event, params: events[event].parse(value) })) },
    onClose: (listener) => { closers.add(listener) },
  }
  const fail = (rpcId: unknown, rpcCode: number, code: ErrorCode, message: string): void => {
    if (open) port.send(JSON.stringify({ jsonrpc: '2.0', id: rpcId ?? null, error: { code: rpcCode, message, data: { code } } }))
  }
  const answer = async (rpcId: unknown, method: Method, params: unknown): Promise<void> => {
    const checked = methods[method].params.safeParse(params ?? {})
    if (!checked.success) {
      const issue = checked.error.issues[0]
      fail(rpcId, rpcCodes.params, 'invalid-argument', `${issue?.path.join('.') || 'parameters'}: ${issue?.message ?? 'invalid'}`)
      return
    }
    outstanding++
    try {
      const handler = handlers[method] as (params: unknown, client: ClientConnection) => unknown
      const result = await handler(checked.data, client)
      if (open) port.send(JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: result ?? null }))
    } catch (cause) {
      const code = (cause as { code?: unknown }).code
      if (isErrorCode(code)) fail(rpcId, rpcCodes.server, code, (cause as Error).message)
      else {
        report(method, cause)
        fail(rpcId, rpcCodes.server, 'internal', 'an internal error; the log has the details')
      }
    } finally { outstanding-- }
  }
  port.onFrame = (frame) => {
    if (frame.length > limits.maxFrameBytes) { fail(null, rpcCodes.request, 'invalid-argument', 'frame too long'); return }
    let message: { id?: unknown; method?: unknown; params?: unknown }
    try {
      message = JSON.parse(frame) as typeof message
    } catch {
      fail(null, rpcCodes.parse, 'invalid-argument', 'not JSON')
      return
    }
    if (message === null || typeof message !== 'object' || typeof message.method !== 'string') {
      fail(null, rpcCodes.request, 'invalid-argument', 'not a JSON-RPC request')
      return
    }
    if (!Object.hasOwn(methods, message.method)) { fail(message.id, rpcCodes.method, 'unknown-method', `no method ${message.method.slice(0, 80)}`); return }
    if (outstanding >= limits.maxOutstanding) { fail(message.id, rpcCodes.server, 'too-many-requests', 'too many requests outstanding'); return }
    void answer(message.id, message.method as Method, message.params)
  }
  port.onClose = () => {
    open = false
    for (const listener of closers) listener()
  }
  return client
}
