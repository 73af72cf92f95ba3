/** Every store of a profile over its one database: what the composition root hands out. */
import type { BootstrapCache } from '../connectivity/bootstrapCache.ts'
import type { AuthorityStore, IdentityStore } from '../enrollment/stores.ts'
import type { ContactStore, HistoryStore, MessageStore, SettingsStore, WatcherStore } from '../phone/stores.ts'
import type { PhoneAccountStore } from '../phone/phoneAccounts.ts'
import type { ResourceStore } from '../reload/storage/resourceStore.ts'
import { SqliteBootstrapCache } from './bootstrapCache.ts'
import { openDatabase } from './database.ts'
import { SqliteAuthorityStore, SqliteIdentityStore } from './enrollmentStores.ts'
import { SqlitePhoneAccountStore } from './phoneAccountStore.ts'
import { SqliteContactStore, SqliteHistoryStore, SqliteMessageStore, SqliteSettingsStore, SqliteWatcherStore } from './phoneStores.ts'
import { SqliteResourceStore } from './resourceStore.ts'

export interface Stores {
  readonly identity: IdentityStore
  readonly authority: AuthorityStore
  readonly bootstrapCache: BootstrapCache
  readonly resources: ResourceStore
  readonly contacts: ContactStore
  readonly messages: MessageStore
  readonly history: HistoryStore
  readonly settings: SettingsStore
  readonly watchers: WatcherStore
  readonly phoneAccounts: PhoneAccountStore
  /** Idempotent. No store may be used afterwards. */
  close(): void
}

/**
 * @param directory the profile, or ':memory:' for stores that vanish at `close`
 * @throws PeerError 'database-damaged', 'database-too-new', 'disk-full'
 */
export function openStores(directory: string): Stores {
  const database = openDatabase(directory)
  return {
    identity: new SqliteIdentityStore(database),
    authority: new SqliteAuthorityStore(database),
    bootstrapCache: new SqliteBootstrapCache(database),
    resources: new SqliteResourceStore(database),
    contacts: new SqliteContactStore(database),
    messages: new SqliteMessageStore(database),
    history: new SqliteHistoryStore(database),
    settings: new SqliteSettingsStore(database),
    watchers: new SqliteWatcherStore(database),
    phoneAccounts: new SqlitePhoneAccountStore(database),
    close: () => { database.close() },
  }
}
