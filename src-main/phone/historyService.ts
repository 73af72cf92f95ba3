/** The list of past calls. Entries come from the call service; the newest `shown` are kept in view. */
import type { HistoryEntry } from '@shared/model/index.ts'
import { Emitter, type Event } from '../base/event.ts'
import type { HistoryStore } from './stores.ts'

const shown = 200

export class HistoryService {
  private readonly changed = new Emitter<HistoryEntry | undefined>()
  /** The entry that was added; undefined when the whole list changed (read `latest` again). */
  readonly onChanged: Event<HistoryEntry | undefined> = this.changed.event

  constructor(private readonly store: HistoryStore) {}

  add(entry: HistoryEntry): void {
    this.store.put(entry)
    this.changed.emit(entry)
  }

  /** Newest first. */
  latest(limit: number = shown): readonly HistoryEntry[] { return this.store.latest(limit) }

  markSeen(): void {
    this.store.markSeen()
    this.changed.emit(undefined)
  }

  clear(): void {
    this.store.clear()
    this.changed.emit(undefined)
  }
}
