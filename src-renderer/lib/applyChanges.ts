/** Applies the peer's deltas to the projection. Pure but for the object it is given. */
import type { Change, State } from '@shared/ipc/contract.ts'

const records: ReadonlySet<string> = new Set<keyof State>(['contacts', 'calls', 'conversations', 'history', 'discovered', 'warnings'])

/** Applies one change; returns false for topics that are not part of the snapshot ('messages', or newer ones). */
export function applyChange(state: State, change: Change): boolean {
  if (!(change.topic in state)) return false
  if (change.id === undefined) {
    Object.assign(state, { [change.topic]: change.value })
    return true
  }
  if (!records.has(change.topic)) return false
  const record = state[change.topic as keyof State] as Record<string, unknown>
  if (change.value === null) delete record[change.id]
  else record[change.id] = change.value
  return true
}
