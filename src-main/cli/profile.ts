/** Where a profile lives and how a command reaches the peer of it: the running one by its control socket, or one opened for this command alone. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { ContractClient } from '@shared/ipc/client.ts'
import { memoryPorts } from '@shared/ipc/port.ts'
import { PeerError } from '../base/errors.ts'
import { connectUnix } from '../node/unixPort.ts'
import { openPeer } from './openPeer.ts'

export function defaultProfile(): string {
  const base = process.platform === 'darwin' ? join(homedir(), 'Library/Application Support')
    : process.platform === 'win32' ? process.env.APPDATA ?? join(homedir(), 'AppData/Roaming')
      : process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config')
  return join(base, 'Ringway')
}

export function profileDir(option: string | undefined): string { return resolve(option ?? defaultProfile()) }

/** Unix socket, or named pipe on Windows. */
export function controlPath(profile: string): string {
  return process.platform === 'win32' ? `\\\\.\\pipe\\ringway-${Buffer.from(profile).toString('hex').slice(-100)}` : join(profile, 'control.sock')
}

/** @throws PeerError 'peer-unreachable' when no peer runs with this profile */
export async function connectRunning(profile: string): Promise<ContractClient> {
  const port = await connectUnix(controlPath(profile))
  if (port === undefined) throw new PeerError('peer-unreachable', `no peer is running with the profile ${profile}`)
  return new ContractClient(port)
}

/**
 * Calls `use` with the running peer, or else with one opened from the profile that stays off the network.
 */
export async function withPeer<T>(profile: string, use: (client: ContractClient) => Promise<T>): Promise<T> {
  const running = await connectUnix(controlPath(profile))
  if (running !== undefined) {
    const client = new ContractClient(running)
    try { return await use(client) } finally { client.close() }
  }
  const app = await openPeer({ profileDir: profile, headless: true })
  const [ours, theirs] = memoryPorts()
  app.serve(theirs)
  const client = new ContractClient(ours)
  try {
    return await use(client)
  } finally {
    client.close()
    await app.close()
  }
}
