/**
 * The bindings of one registrar (RFC 3261 §10): address of record → contacts, each with its q value, expiry, Path
 * (RFC 3327) and the flow it came over (RFC 5626). Owns one timer for the binding that ends next.
 */
import type { Clock, Timer } from '../../ports/clock.ts'
import { type Uri, uriEquals } from '../message/uri.ts'
import type { Connection } from '../transport/connection.ts'

export interface Binding {
  readonly aor: string
  /** Account that registered it. */
  readonly account: string
  readonly contact: string
  readonly uri: Uri
  readonly q: number
  readonly callId: string
  readonly cseq: number
  /** Values of Path, topmost first. */
  readonly path: readonly string[]
  /** The connection that the REGISTER came over. */
  readonly flow: Connection
  /** +sip.instance, without quotes; '' when the phone gave none. */
  readonly instance: string
  /** RFC 5626; undefined for a binding without flow rules. */
  readonly regId: number | undefined
  readonly userAgent: string
  /** By the clock's monotonic time. */
  readonly expiresAtMs: number
}

/** Does the phone have a flow to us, over which alone it is reached? Behind an edge proxy the flow is the proxy's. */
export function isByFlow({ regId, path }: Pick<Binding, 'regId' | 'path'>): boolean { return regId !== undefined && path.length === 0 }

export class Bindings {
  private readonly byAor = new Map<string, Binding[]>()
  private timer: Timer | undefined
  private nextMs = Infinity

  /** @param onChange told whenever a binding came, changed or went */
  constructor(private readonly clock: Clock, private readonly onChange: (aor: string) => void = () => {}) {}

  get size(): number {
    let n = 0
    for (const list of this.byAor.values()) n += list.length
    return n
  }

  /** Bindings that hold, best q first. */
  of(aor: string): readonly Binding[] { return this.byAor.get(aor) ?? [] }

  *all(): Iterable<Binding> { for (const list of this.byAor.values()) yield* list }

  /** The binding that a contact would replace: same instance and reg-id, or else an equal URI (RFC 3261 §10.2.4, RFC 5626 §6). */
  find(aor: string, wanted: Pick<Binding, 'uri' | 'instance' | 'regId'>): Binding | undefined {
    return this.of(aor).find((binding) => wanted.regId !== undefined && wanted.instance !== ''
      ? binding.instance === wanted.instance && binding.regId === wanted.regId
      : uriEquals(binding.uri, wanted.uri))
  }

  /** @param old the one that it replaces, as `find` finds it */
  put(binding: Binding, old: Binding | undefined = this.find(binding.aor, binding)): void {
    const list = this.of(binding.aor).filter((each) => each !== old)
    list.push(binding)
    if (list.length > 1) list.sort((a, b) => b.q - a.q)
    this.byAor.set(binding.aor, list)
    this.arm(binding.expiresAtMs)
    this.onChange(binding.aor)
  }

  remove(binding: Binding): void {
    const list = this.of(binding.aor).filter((each) => each !== binding)
    if (list.length === 0) this.byAor.delete(binding.aor)
    else this.byAor.set(binding.aor, list)
    this.onChange(binding.aor)
  }

  /** An account is gone: so are its registrations. */
  removeAccount(account: string): void { for (const binding of [...this.all()]) if (binding.account === account) this.remove(binding) }

  /** RFC 5626 §7: a registration by its flow ends with the flow. */
  connectionClosed(connection: Connection): void {
    for (const binding of [...this.all()]) if (binding.flow === connection && isByFlow(binding)) this.remove(binding)
  }

  /** Is a registration bound to this flow? */
  bound(connection: Connection): boolean {
    for (const binding of this.all()) if (binding.flow === connection && isByFlow(binding)) return true
    return false
  }

  close(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.nextMs = Infinity
    this.byAor.clear()
  }

  private arm(atMs: number): void {
    if (atMs >= this.nextMs) return
    this.timer?.cancel()
    this.nextMs = atMs
    this.timer = this.clock.setTimer(Math.max(0, atMs - this.clock.monotonic()), () => { this.expire() })
  }

  private expire(): void {
    this.nextMs = Infinity
    const now = this.clock.monotonic()
    for (const binding of [...this.all()]) if (binding.expiresAtMs <= now) this.remove(binding)
    for (const binding of this.all()) this.arm(binding.expiresAtMs)
  }
}
