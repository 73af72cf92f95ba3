/** Lets procedures wait for "something changed" and then look for themselves. */
export class Notifier {
  private promise: Promise<void> | undefined
  private resolve: () => void = () => undefined

  /** Resolves at the next `notify`. Look at the state before waiting: what came earlier is not told again. */
  wait(): Promise<void> {
    this.promise ??= new Promise((resolve) => { this.resolve = resolve })
    return this.promise
  }

  notify(): void {
    this.promise = undefined
    this.resolve()
  }
}
