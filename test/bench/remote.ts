/** A second process of a benchmark: calls by name, answers in order, everything structured-clone carries. */
import { fork, type ChildProcess } from 'node:child_process'

export type Handlers = Readonly<Record<string, (argument: never) => unknown>>
interface Call { readonly id: number; readonly name: string; readonly argument: unknown }
interface Answer { readonly id: number; readonly result?: unknown; readonly error?: string }

/** In the child: serves until the parent hangs up. */
export function serve(handlers: Handlers): void {
  process.on('message', (call: Call) => {
    const handler = handlers[call.name] as ((argument: unknown) => unknown) | undefined
    Promise.resolve(call.argument).then((argument) => {
      if (handler === undefined) throw new Error(`no ${call.name}`)
      return handler(argument)
    }).then(
      (result) => { process.send?.({ id: call.id, result } satisfies Answer) },
      (error: unknown) => { process.send?.({ id: call.id, error: error instanceof Error ? error.stack ?? error.message : String(error) } satisfies Answer) },
    )
  })
  process.on('disconnect', () => { process.exit(0) })
}

export class Remote {
  private readonly child: ChildProcess
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  private next = 0

  /** @param file TypeScript, which inherits our Node options */
  constructor(file: URL) {
    this.child = fork(file, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.child.on('message', (answer: Answer) => {
      const waiter = this.waiting.get(answer.id)
      this.waiting.delete(answer.id)
      if (answer.error === undefined) waiter?.resolve(answer.result)
      else waiter?.reject(new Error(answer.error))
    })
    this.child.on('exit', (code) => { for (const { reject } of this.waiting.values()) reject(new Error(`the second process ended with ${String(code)}`)) })
  }

  call<T>(name: string, argument?: unknown): Promise<T> {
    const id = this.next++
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.child.send({ id, name, argument } satisfies Call)
    })
  }

  close(): void {
    if (this.child.connected) this.child.disconnect()
    setTimeout(() => { this.child.kill() }, 2000).unref()
  }
}

/** Processor time of this process so far, in milliseconds. */
export function cpuMs(): number { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
