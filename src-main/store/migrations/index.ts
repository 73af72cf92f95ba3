/** The steps from an empty database to the newest, in order. A step that was released is never edited: add one. */
import { initial } from './0001-initial.ts'
import { phoneAccounts } from './0002-phone-accounts.ts'
import { devices } from './0003-devices.ts'
import { phoneAccountCopies } from './0004-phone-account-copies.ts'
import { historyUri } from './0005-history-uri.ts'
import type { Migration } from './migration.ts'

export const migrations: readonly Migration[] = [initial, phoneAccounts, devices, phoneAccountCopies, historyUri]
