/** The caller's half of the contract over any Port. Owns the pending requests; leaves state keeping to its user. */
import { events, methods, rpcError, type EventName, type Events, type Method, type Params, type Result } from './contract.ts'
import { isErrorCode, type ErrorCode } from '../errorCodes.ts'
import type { Port } from './port.ts'

export class ContractError extends Error {
  override readonly name = 'ContractError'
  constructor(readonly code: ErrorCode, message: string) { super(message) }
}

interface Pending { method: Method; resolve: (value: unknown) => void; reject: (cause: Error) => void }

export class ContractClient {
  private nextId = 1
  private closed = false
  private readonly pending = new Map<number, Pending>()
  private readonly listeners = new Map<EventName, Set<(value: never) => void>>()
  onClose: (() => void) | undefined

  constructor(private readonly port: Port) {
    port.onFrame = (frame) => { this.receive(frame) }
    port.onClose = () => { this.shut() }
  }

  /** @throws ContractError with the code the peer gave, or 'peer-unreachable' when the door closes first. */
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    if (this.closed) return Promise.reject(new ContractError('peer-unreachable', 'the connection to the peer is closed'))
    const id = this.nextId++
    return new Promise<Result<M>>((resolve, reject) => {
      this.pending.set(id, { method, resolve: resolve as (value: unknown) => void, reject })
      this.port.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    })
  }

  on<E extends EventName>(event: E, listener: (value: Events[E]) => void): () => void {
    const set = this.listeners.get(event) ?? new Set()
    this.listeners.set(event, set)
    set.add(listener as (value: never) => void)
    return () => { set.delete(listener as (value: never) => void) }
  }

  close(): void {
    this.port.close()
    this.shut()
  }

  private shut(): void {
    if (this.closed) return
    this.closed = true
    for (const { reject } of this.pending.values()) reject(new ContractError('peer-unreachable', 'the connection to the peer is closed'))
    this.pending.clear()
    this.onClose?.()
  }

  private receive(frame: string): void {
    const message = JSON.parse(frame) as { id?: number; method?: string; params?: unknown; result?: unknown; error?: unknown }
    if (message.method !== undefined) {
      if (!Object.hasOwn(events, message.method)) return
      const event = message.method as EventName
      const value = events[event].parse(message.params)
      for (const listener of [...(this.listeners.get(event) ?? [])]) (listener as (v: unknown) => void)(value)
      return
    }
    const pending = this.pending.get(message.id ?? -1)
    if (pending === undefined) return
    this.pending.delete(message.id ?? -1)
    if (message.error !== undefined) {
      const error = rpcError.parse(message.error)
      const code = error.data?.code
      pending.reject(new ContractError(isErrorCode(code) ? code : 'internal', error.message))
      return
    }
    const checked = methods[pending.method].result.safeParse(message.result)
    if (checked.success) pending.resolve(checked.data)
    else pending.reject(new ContractError('internal', `malformed result of ${pending.method}: ${checked.error.message}`))
  }
}
