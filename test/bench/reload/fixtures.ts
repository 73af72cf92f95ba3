/** Authorities, identities and nodes for the benchmarks: real keys, certificates, TLS and clocks. */
import type { KeyType } from '../../../src-main/ports/crypto.ts'
import type { Log } from '../../../src-main/ports/log.ts'
import type { SecureNetwork, SecureStream, SocketAddress, StreamCredentials } from '../../../src-main/ports/secureStream.ts'
import { createNoIceTlsFactory } from '../../../src-main/connectivity/linkFactories/noIceTls.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeCrypto } from '../../../src-main/node/crypto.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import { createNodeSecureNetwork } from '../../../src-main/node/secureNetwork.ts'
import { newConfiguration, standardKinds, type OverlayConfiguration } from '../../../src-main/reload/config/configuration.ts'
import { createOverlay, type NodeIdentity } from '../../../src-main/reload/overlay/createOverlay.ts'
import type { Overlay } from '../../../src-main/reload/overlay/overlay.ts'
import { CertificateVerifier } from '../../../src-main/reload/security/certificateVerifier.ts'
import { MemoryResourceStore } from '../../../src-main/store/memory/resourceStore.ts'
import { makeAuthority, makePeer } from '../../support/certificates.ts'

export const overlayName = 'bench.example'
export const BENCH_KIND = 0xf0000001
export const VALUE_BYTES = 500

export const crypto = createNodeCrypto()
export const random = createNodeRandom()
export const clock = createNodeClock()

const silentLog: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silentLog }

/** What crosses to another process. */
export interface IdentityBytes { readonly nodeId: Uint8Array; readonly userName: string; readonly certificate: Uint8Array; readonly key: Uint8Array }
export interface World { readonly root: Uint8Array; readonly identities: readonly IdentityBytes[] }

/**
 * An authority (its root is of RSA, as the product makes it) and peers of it. RSA keys are made for four and shared: making
 * them is slow and not what is measured.
 * @param users names without domain; @param nodeIds random where not given
 */
export async function makeWorld(users: readonly string[], nodeIds: readonly Uint8Array[] = [], keyType: KeyType = 'ec'): Promise<World> {
  const authority = await makeAuthority(`${overlayName} root`)
  const pool = await Promise.all(Array.from({ length: keyType === 'ec' ? users.length : Math.min(4, users.length) }, () => crypto.generateKey(keyType)))
  const identities: IdentityBytes[] = []
  for (const [i, user] of users.entries()) {
    const key = pool[i % pool.length]
    const nodeId = nodeIds[i]
    const peer = await makePeer(authority, user, overlayName, { ...(key === undefined ? {} : { key }), ...(nodeId === undefined ? {} : { nodeId }) })
    identities.push({ nodeId: peer.nodeId, userName: peer.userName, certificate: peer.certificate.der, key: peer.key.exportPkcs8() })
  }
  return { root: authority.certificate.der, identities }
}

export function identityOf(bytes: IdentityBytes): NodeIdentity & { readonly userName: string } {
  return {
    overlayName, nodeId: bytes.nodeId, userName: bytes.userName, certificate: crypto.parseCertificate(bytes.certificate), chain: [],
    privateKey: crypto.importPrivateKey(bytes.key),
  }
}

export function configurationOf(root: Uint8Array): OverlayConfiguration {
  const kind = { id: BENCH_KIND, name: '', dataModel: 'single', accessControl: 'USER-MATCH', maxCount: 4, maxSize: 1024 } as const
  return newConfiguration({ instanceName: overlayName, rootCerts: [root], noIce: true, requiredKinds: [...standardKinds(), kind] })
}

export function credentialsOf(bytes: IdentityBytes, root: Uint8Array): StreamCredentials {
  const { certificate, privateKey } = identityOf(bytes)
  const verifier = new CertificateVerifier(crypto, clock, configurationOf(root))
  return {
    certificate, chain: [], privateKey,
    acceptPeer: (peer, chain) => { const verified = verifier.verifyParsed(peer, chain); return typeof verified === 'string' ? verified : undefined },
  }
}

export interface ByteCount { sent: number; received: number }

/** The network of the system, counting what goes over its streams. */
export function countingNetwork(count: ByteCount): SecureNetwork {
  const network = createNodeSecureNetwork(clock)
  const counted = (stream: SecureStream): SecureStream => ({
    peerCertificate: stream.peerCertificate, local: stream.local, remote: stream.remote,
    get user() { return stream.user },
    set user(user) {
      stream.user = user === undefined ? undefined : {
        onData: (bytes) => { count.received += bytes.length; user.onData(bytes) }, onDrain: () => { user.onDrain() }, onClose: (cause) => { user.onClose(cause) },
      }
    },
    write: (bytes) => { count.sent += bytes.length; return stream.write(bytes) },
    close: () => { stream.close() }, destroy: () => { stream.destroy() },
  })
  return {
    listen: (address, credentials, onStream, onRefused) => network.listen(address, credentials, (stream) => { onStream(counted(stream)) }, onRefused),
    connect: async (address, credentials, signal) => counted(await network.connect(address, credentials, signal)),
  }
}

/** A whole overlay node on loopback. */
export function makeNode(identity: NodeIdentity, configuration: OverlayConfiguration, bootstrap: readonly SocketAddress[], network: SecureNetwork): Overlay {
  return createOverlay({
    clock, random, crypto, log: silentLog, identity, configuration, resourceStore: new MemoryResourceStore(), firstPeer: bootstrap.length === 0,
    linkFactory: (credentials, listen) => createNoIceTlsFactory({ clock, random, network, interfaces: { localAddresses: () => [] }, credentials, listen }),
    bootstrap: { async *candidates() { yield* await Promise.resolve(bootstrap) } }, listen: { host: '127.0.0.1', port: 0 },
  })
}

/** Milliseconds from starting until the node has joined. */
export async function startNode(node: Overlay): Promise<number> {
  const start = performance.now()
  const up = new Promise<void>((resolve) => {
    node.onStatus(({ phase }) => { if (phase === 'joined' || phase === 'alone') resolve() })
  })
  await node.start()
  await up
  return performance.now() - start
}

/** Milliseconds of each of `count` operations, `width` of them under way at a time. */
export async function latencies(count: number, width: number, operation: (i: number) => Promise<unknown>): Promise<number[]> {
  const out: number[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const i = next++
      const start = performance.now()
      await operation(i)
      out.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return out
}

export const never = new AbortController().signal
export function benchValue(i: number): Uint8Array { return new Uint8Array(VALUE_BYTES).fill(i & 0xff) }
