/** Lets a declared number of procedures run at the same time; the others wait in order. */
export class Gate {
  private running = 0
  private readonly waiting: (() => void)[] = []

  constructor(private readonly limit: number) {}

  /** Runs `task` when there is room; settles as it does. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running < this.limit) this.running++
    else await new Promise<void>((enter) => { this.waiting.push(enter) })
    try {
      return await task()
    } finally {
      // the place is handed on, so that nobody slips in between
      const enter = this.waiting.shift()
      if (enter === undefined) this.running--
      else enter()
    }
  }
}
