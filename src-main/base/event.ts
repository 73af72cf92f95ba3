/** A typed event at a service's edge. Listeners are told facts; nothing is made to happen by emitting. */
export type Unsubscribe = () => void
export type Event<T> = (listener: (value: T) => void) => Unsubscribe

export class Emitter<T> {
  private readonly listeners = new Set<(value: T) => void>()

  readonly event: Event<T> = (listener) => {
    this.listeners.add(listener)
    return () => { this.listeners.delete(listener) }
  }

  emit(value: T): void {
    for (const listener of [...this.listeners]) listener(value)
  }
}
