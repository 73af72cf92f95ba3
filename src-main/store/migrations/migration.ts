/** One step of the database from one version to the next. */
export interface Migration {
  /** 1, 2, 3 …: PRAGMA user_version after the step. */
  readonly version: number
  readonly sql: string
}
