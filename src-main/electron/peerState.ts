/**
 * The shell's own view of the peer: an ordinary client of the contract that keeps what tray, notifications and
 * the incoming window look at, and tells them what changed. It decides nothing.
 */
import { Emitter } from '../base/event.ts'
import type { ContractClient } from '@shared/ipc/client.ts'
import type { Change, State } from '@shared/ipc/contract.ts'
import type { CallView, MessageView } from '@shared/model/index.ts'

type Records = 'calls' | 'conversations' | 'contacts' | 'history'
const records: readonly string[] = ['calls', 'conversations', 'contacts', 'history'] satisfies Records[]
type Singles = 'account' | 'status' | 'presence' | 'settings'
const singles: readonly string[] = ['account', 'status', 'presence', 'settings'] satisfies Singles[]

export class PeerState {
  private state: State | undefined
  private version = -1
  private asking: Promise<void> | undefined
  private early: { version: number; changes: Change[] }[] = []
  private readonly changed = new Emitter<State>()
  private readonly call = new Emitter<{ before: CallView | undefined; now: CallView | undefined }>()
  private readonly message = new Emitter<MessageView>()
  readonly onChange = this.changed.event
  /** one call appeared, changed or went */
  readonly onCall = this.call.event
  readonly onMessage = this.message.event

  constructor(private readonly client: ContractClient) {
    client.on('state', (event) => {
      if (this.state === undefined || this.asking !== undefined) this.early.push(event)
      else this.receive(event)
    })
  }

  get current(): State | undefined { return this.state }
  get calls(): readonly CallView[] { return Object.values(this.state?.calls ?? {}) }

  /** Asks for the snapshot. @throws ContractError */
  async start(): Promise<void> {
    this.asking ??= this.snapshot()
    try { await this.asking } finally { this.asking = undefined }
    for (const event of this.early.splice(0)) if (event.version > this.version) this.receive(event)
  }

  private async snapshot(): Promise<void> {
    const { version, state } = await this.client.call('state.get', {})
    this.version = version
    const before = this.state
    this.state = state
    for (const call of Object.values(state.calls)) this.call.emit({ before: before?.calls[call.id], now: call })
    this.changed.emit(state)
  }

  private receive({ version, changes }: { version: number; changes: Change[] }): void {
    if (version <= this.version || this.state === undefined) return
    if (version !== this.version + 1) {
      this.start().catch((cause: unknown) => { if (this.client.onClose !== undefined) throw cause })
      return
    }
    this.version = version
    for (const change of changes) this.apply(this.state, change)
    this.changed.emit(this.state)
  }

  private apply(state: State, { topic, id, value }: Change): void {
    if (topic === 'messages' && value !== null) { this.message.emit(value as MessageView); return }
    if (id === undefined) {
      if (singles.includes(topic) || records.includes(topic)) Object.assign(state, { [topic]: value })
      return
    }
    if (!records.includes(topic)) return
    const record = state[topic as Records] as Record<string, unknown>
    const before = record[id]
    if (value === null) delete record[id]
    else record[id] = value
    if (topic === 'calls') this.call.emit({ before: before as CallView | undefined, now: (value ?? undefined) as CallView | undefined })
  }
}
