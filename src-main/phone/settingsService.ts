/** The user's settings: reading, changing, telling. Their meaning is with the services that read them. */
import type { Settings } from '@shared/model/index.ts'
import { Emitter, type Event } from '../base/event.ts'
import type { SettingsStore } from './stores.ts'

export class SettingsService {
  private readonly changed = new Emitter<Settings>()
  private current: Settings
  readonly onChanged: Event<Settings> = this.changed.event

  constructor(private readonly store: SettingsStore) {
    this.current = store.settings()
  }

  get(): Settings { return this.current }

  /** Changes what is given, keeps the rest; returns all. */
  set(part: { readonly [K in keyof Settings]?: Settings[K] | undefined }): Settings {
    const given = Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as Partial<Settings>
    this.current = { ...this.current, ...given }
    this.store.saveSettings(this.current)
    this.changed.emit(this.current)
    return this.current
  }
}
