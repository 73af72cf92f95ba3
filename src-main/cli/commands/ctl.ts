/** `ringway ctl METHOD [JSON]`: any command of the contract. */
import { methods, type Method } from '@shared/ipc/contract.ts'
import { PeerError } from '../../base/errors.ts'
import type { Context } from '../context.ts'
import { withPeer } from '../profile.ts'

export async function ctl({ profile }: Context, method: string, json: string | undefined): Promise<undefined> {
  if (!Object.hasOwn(methods, method)) throw new PeerError('unknown-method', `no method ${method}; there are ${Object.keys(methods).join(', ')}`)
  let params: unknown
  try {
    params = JSON.parse(json ?? '{}')
  } catch {
    throw new PeerError('invalid-argument', 'the parameters are not JSON')
  }
  const result = await withPeer(profile, (client) => client.call(method as Method, params as never))
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
