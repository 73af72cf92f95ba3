/** The steps from an empty database to the newest, in order. A step that was released is never edited: add one. */
import { initial } from './0001-initial.ts'

export interface Migration {
  /** 1, 2, 3 …: PRAGMA user_version after the step. */
  readonly version: number
  readonly sql: string
}

export const migrations: readonly Migration[] = [initial]
