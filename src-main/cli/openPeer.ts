/**
 * The composition root on Node: opens a profile and puts the peer together from the real sockets, clock, keys
 * and database. Used by the headless host and, with the desktop's key chain, by Electron's main process.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Port } from '@shared/ipc/port.ts'
import { createApi } from '../ipc/apiServer.ts'
import { createHeadlessMedia } from '../media/headlessMedia.ts'
import { createRtpBridges } from '../media/rtpBridge/rtpBridge.ts'
import { createNodeClock } from '../node/clock.ts'
import { createNodeCrypto } from '../node/crypto.ts'
import { createNodeDns } from '../node/dns.ts'
import { createNodeDomainTls } from '../node/domainTls.ts'
import { createNodeHttpClient, createNodeHttpServerFactory } from '../node/http.ts'
import { createFileKeychain } from '../node/keychain.ts'
import { createNodeLog } from '../node/log.ts'
import { createNodeMachine } from '../node/machine.ts'
import { createNodeMulticastDns } from '../node/multicastDns.ts'
import { createNodeNetwork } from '../node/network.ts'
import { createNodeRandom } from '../node/random.ts'
import { createNodeSecureNetwork } from '../node/secureNetwork.ts'
import { createNodeWebSockets } from '../node/sipWebSockets.ts'
import { PeerApp } from '../peer/peerApp.ts'
import { defaultNetwork, type NetworkOptions } from '../peer/ports.ts'
import type { Keychain } from '../ports/keychain.ts'
import { lockProfile, rescueDatabase } from '../store/database.ts'
import { openStores } from '../store/stores.ts'
import { ringwayVersion } from './version.ts'

export interface OpenOptions {
  readonly profileDir: string
  readonly headless: boolean
  /** The desktop's, where there is one; else files of mode 0600. */
  readonly keychain?: (fallback: Keychain) => Keychain
  readonly network?: Partial<NetworkOptions>
  /** Writes the TLS secrets of overlay connections into this file: only for a user's explicit choice. */
  readonly keylog?: string
  /** Authorities in PEM whose certificates SIP servers of other domains may have, beside the public ones. */
  readonly sipRoots?: readonly string[]
  /** Name servers to ask about other domains, HOST or HOST:PORT, instead of the system's. */
  readonly nameServers?: readonly string[]
  /** Sets a damaged database aside and starts with a new one: only for a user's explicit choice. */
  readonly rescueDatabase?: boolean
}

export interface OpenedPeer {
  /** Serves one client of the contract. */
  serve(port: Port): void
  /** Goes on the network when the profile is enrolled. @throws PeerError 'port-in-use' */
  start(): Promise<void>
  /** Told when a client asks the whole program to quit. */
  onQuit(listener: () => void): void
  /** Leaves the overlay in order and closes everything. */
  close(): Promise<void>
}

/** Lines as `SSLKEYLOGFILE` has them, readable by the owner only. The file is made at once: a place that cannot be written is told now. */
function keylogTo(file: string): (line: Uint8Array) => void {
  appendFileSync(file, '', { mode: 0o600 })
  return (line) => { appendFileSync(file, line, { mode: 0o600 }) }
}

/** @throws PeerError 'profile-in-use', 'database-damaged', 'database-too-new', 'disk-full', 'key-unreadable', 'certificate-expired' */
export async function openPeer(options: OpenOptions): Promise<OpenedPeer> {
  const { profileDir } = options
  mkdirSync(profileDir, { recursive: true, mode: 0o700 })
  const lock = lockProfile(profileDir)
  try {
    const { log, close: closeLog } = createNodeLog({ to: join(profileDir, 'ringway.log'), level: 'info' })
    const rescued = options.rescueDatabase === true ? rescueDatabase(profileDir) : undefined
    const stores = openStores(profileDir)
    const clock = createNodeClock()
    const files = createFileKeychain(join(profileDir, 'keys'))
    const random = createNodeRandom(), network = createNodeNetwork()
    const app = new PeerApp({
      ports: {
        clock, random, crypto: createNodeCrypto(), network, openBridge: createRtpBridges({ clock, random, network, log: log.child('media') }),
        domainTls: createNodeDomainTls(options.sipRoots), dns: createNodeDns(options.nameServers), webSockets: createNodeWebSockets(), secureNetwork: createNodeSecureNetwork(clock, {}, options.keylog === undefined ? undefined : keylogTo(options.keylog)), http: createNodeHttpClient(), httpServers: createNodeHttpServerFactory(),
        multicastDns: createNodeMulticastDns(), machine: createNodeMachine(ringwayVersion), keychain: options.keychain?.(files) ?? files, log,
      },
      stores,
      network: { ...defaultNetwork, ...options.network },
    })
    if (rescued !== undefined) app.warn('database-rescued', `The damaged database was set aside as ${rescued}; contacts, messages and history start anew.`)
    if (options.keylog !== undefined) {
      log.warn('keylog', { file: options.keylog })
      app.warn('keylog', `The TLS secrets of this peer are written to ${options.keylog}: whoever has that file can read captured traffic.`)
    }
    const api = createApi(app, {
      headlessMedia: (files) => createHeadlessMedia({ clock, log, ...files }),
      info: { version: ringwayVersion, headless: options.headless, platform: process.platform, profile: profileDir },
      log,
    })
    await app.load()
    return {
      serve: (port) => { api.serve(port) },
      start: () => app.start(),
      onQuit: (listener) => { api.onQuit(listener) },
      close: async () => {
        await app.close()
        stores.close()
        closeLog()
        lock.release()
      },
    }
  } catch (cause) {
    lock.release()
    throw cause
  }
}
