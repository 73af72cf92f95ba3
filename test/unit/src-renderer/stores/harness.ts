/** Stores joined to a contract server in memory, whose answers a test gives. */
import { createPinia, setActivePinia } from 'pinia'
import { memoryPorts } from '@shared/ipc/port.ts'
import { serve, type ClientConnection, type Handlers } from '@shared/ipc/server.ts'
import type { Change, Method, State } from '@shared/ipc/contract.ts'
import { emptyState, usePeer } from '../../../../src-renderer/stores/peer.ts'

export type Script = Partial<Record<Method, (params: never) => unknown>>
export interface Harness { tell(...changes: Change[]): Promise<void>; asked: { method: string; params: unknown }[]; script: Script; state: State; pinia: ReturnType<typeof createPinia>; gone(): Promise<void> }

export const settle = async (): Promise<void> => { for (let i = 0; i < 40; i++) await Promise.resolve() }

export async function harness(state: State = emptyState()): Promise<Harness> {
  const pinia = createPinia()
  setActivePinia(pinia)
  const asked: Harness['asked'] = []
  const script: Script = {}
  let version = 1
  const [ours, theirs] = memoryPorts()
  const handlers = new Proxy({}, { get: (_target, method: string) => (params: never) => {
    asked.push({ method, params })
    if (method === 'state.get') return { version, state }
    const answer = script[method as Method]
    if (answer === undefined) return null
    return answer(params)
  } }) as Handlers
  const client: ClientConnection = serve(theirs, '1', handlers, (method, cause) => { throw new Error(method, { cause }) })
  void usePeer().connect(() => ours)
  await settle()
  return {
    asked, script, state, pinia,
    async tell(...changes) {
      version++
      client.emit('state', { version, changes })
      await settle()
    },
    async gone() {
      theirs.close()
      await settle()
    },
  }
}
