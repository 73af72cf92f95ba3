/**
 * The state every client shows, versioned: a snapshot on request, and each change as one step with the next
 * version. Holds views only; the services own the truth.
 */
import { defaultSettings } from '@shared/model/index.ts'
import type { Change, State, Topic } from '@shared/ipc/contract.ts'
import { Emitter } from '../base/event.ts'

type RecordTopic = 'contacts' | 'calls' | 'conversations' | 'history' | 'discovered' | 'warnings'
type ValueTopic = Exclude<Topic, RecordTopic>

export class Projections {
  private versionNow = 0
  private readonly now: State
  private readonly changed = new Emitter<{ version: number; changes: Change[] }>()
  readonly onChange = this.changed.event

  constructor() {
    this.now = {
      account: null,
      status: {
        phase: 'not-enrolled', step: null, listen: null, peers: 0, neighbours: [], roles: [], registered: false, counters: {}, problem: null,
      },
      presence: { state: 'available', note: '' },
      settings: defaultSettings,
      contacts: {}, calls: {}, conversations: {}, history: {}, discovered: {}, warnings: {},
    }
  }

  snapshot(): { version: number; state: State } { return { version: this.versionNow, state: this.now } }

  set<T extends ValueTopic>(topic: T, value: State[T]): void {
    if (JSON.stringify(this.now[topic]) === JSON.stringify(value)) return
    this.now[topic] = value
    this.step({ topic, value })
  }

  put<T extends RecordTopic>(topic: T, id: string, value: State[T][string]): void {
    const record = this.now[topic] as Record<string, unknown>
    if (JSON.stringify(record[id]) === JSON.stringify(value)) return
    record[id] = value
    this.step({ topic, id, value })
  }

  remove(topic: RecordTopic, id: string): void {
    if (!Object.hasOwn(this.now[topic], id)) return
    delete (this.now[topic] as Record<string, unknown>)[id]
    this.step({ topic, id, value: null })
  }

  /** Replaces a whole record. */
  replace<T extends RecordTopic>(topic: T, record: State[T]): void {
    this.now[topic] = record
    this.step({ topic, value: record })
  }

  /** Tells of something that is not part of the snapshot, such as a message. */
  tell(topic: string, id: string, value: unknown): void { this.step({ topic, id, value }) }

  private step(change: Change): void {
    this.changed.emit({ version: ++this.versionNow, changes: [change] })
  }
}
