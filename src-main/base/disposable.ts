/** Who creates a timer, listener or socket disposes of it: a stack of what is to be undone, last first, once. */
export class DisposableStack {
  private undo: (() => void)[] = []
  private done = false

  get disposed(): boolean { return this.done }

  /** Undoes at once when the stack is already disposed. */
  add(undo: () => void): void {
    if (this.done) { undo(); return }
    this.undo.push(undo)
  }

  dispose(): void {
    this.done = true
    for (let undo = this.undo.pop(); undo !== undefined; undo = this.undo.pop()) undo()
  }
}
