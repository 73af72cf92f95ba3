/**
 * Keeps one ContractClient alive: opens the port, asks for the snapshot, feeds deltas, and opens it again with
 * growing pauses when the peer is gone. Knows nothing of Vue; the peer store gives it callbacks.
 */
import type { Change, State } from '@shared/ipc/contract.ts'
import { ContractClient, ContractError } from '@shared/ipc/client.ts'
import type { Port } from '@shared/ipc/port.ts'

export interface ConnectionUser {
  onSnapshot(state: State): void
  onChanges(changes: readonly Change[]): void
  onClient(client: ContractClient): void
  /** no connection; the next attempt comes in `retryInMs` */
  onLost(retryInMs: number): void
}

const firstPauseMs = 500, longestPauseMs = 10_000

export class Connection {
  client: ContractClient | undefined
  private version = -1
  private waiting: { version: number; changes: Change[] }[] | undefined
  private pauseMs = firstPauseMs
  private timer: ReturnType<typeof setTimeout> | undefined
  private stopped = false

  constructor(private readonly open: () => Promise<Port> | Port, private readonly user: ConnectionUser) {}

  async start(): Promise<void> {
    clearTimeout(this.timer)
    try {
      const client = new ContractClient(await this.open())
      if (this.stopped) { client.close(); return }
      client.on('state', (event) => { this.receive(event) })
      client.onClose = () => { this.lost() }
      this.client = client
      this.user.onClient(client)
      await this.snapshot(client)
      this.pauseMs = firstPauseMs
    } catch {
      // whatever it was, the remedy is the same: try again, ever more slowly
      this.lost()
    }
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
    this.client?.close()
  }

  /** Skips the pause. */
  retryNow(): void {
    if (this.client === undefined) void this.start()
  }

  /** Deltas that arrive while the snapshot is on its way are kept, and applied when they are newer than it. */
  private async snapshot(client: ContractClient): Promise<void> {
    this.waiting = []
    const { version, state } = await client.call('state.get', {})
    if (client !== this.client) throw new ContractError('peer-unreachable', 'the connection changed')
    const kept = this.waiting
    this.waiting = undefined
    this.version = version
    this.user.onSnapshot(state)
    for (const event of kept) if (event.version > this.version) this.receive(event)
  }

  private receive(event: { version: number; changes: Change[] }): void {
    if (this.waiting !== undefined) { this.waiting.push(event); return }
    if (event.version <= this.version) return
    if (event.version !== this.version + 1) {
      const client = this.client
      if (client !== undefined) this.snapshot(client).catch(() => { client.close() })
      return
    }
    this.version = event.version
    this.user.onChanges(event.changes)
  }

  private lost(): void {
    if (this.stopped) return
    this.client = undefined
    this.waiting = undefined
    clearTimeout(this.timer)
    const pause = this.pauseMs
    this.pauseMs = Math.min(longestPauseMs, this.pauseMs * 2)
    this.timer = setTimeout(() => { void this.start() }, pause)
    this.user.onLost(pause)
  }
}
