/** Opens TLS connections to itself and holds them, as a process. */
import { createServer, type AddressInfo } from 'node:net'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import type { KeyType } from '../../../src-main/ports/crypto.ts'
import { pemOf } from '../../../src-main/node/tls.ts'
import { createNodeSecureNetwork } from '../../../src-main/node/secureNetwork.ts'
import { cpuMs, serve } from '../remote.ts'
import { clock, credentialsOf, makeWorld, never, type World } from './fixtures.ts'
import { collected } from './memory.ts'

const BYTES = 1500
const held: unknown[] = []

/** Each makes one more connection, over which a message goes and comes back. */
async function ourStreams(world: World): Promise<() => Promise<void>> {
  const [own, other] = world.identities.map((identity) => credentialsOf(identity, world.root))
  if (own === undefined || other === undefined) throw new Error('two identities')
  const network = createNodeSecureNetwork(clock)
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, other, (stream) => {
    stream.user = { onData: (bytes) => { stream.write(bytes) }, onDrain: () => undefined, onClose: () => undefined }
    held.push(stream)
  })
  return async () => {
    const stream = await network.connect(listener.address, own, never)
    held.push(stream)
    await new Promise<void>((resolve) => {
      let got = 0
      stream.user = { onData: (bytes) => { got += bytes.length; if (got === BYTES) resolve() }, onDrain: () => undefined, onClose: () => undefined }
      stream.write(new Uint8Array(BYTES))
    })
  }
}

async function bareSockets(world: World): Promise<() => Promise<void>> {
  const [own, other] = world.identities.map((identity) => {
    const { certificate, privateKey } = credentialsOf(identity, world.root)
    return createSecureContext(pemOf({ chain: [certificate], privateKey }))
  })
  if (own === undefined || other === undefined) throw new Error('two identities')
  const server = createServer((raw) => {
    const socket = new TLSSocket(raw, { isServer: true, secureContext: other, requestCert: true, rejectUnauthorized: false })
    socket.on('data', (bytes: Buffer) => { socket.write(bytes) })
    held.push(socket)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  return () => new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, secureContext: own, rejectUnauthorized: false, checkServerIdentity: () => undefined })
    let got = 0
    socket.on('error', reject)
    socket.on('data', (bytes: Buffer) => { got += bytes.length; if (got === BYTES) resolve() })
    socket.once('secureConnect', () => { socket.write(new Uint8Array(BYTES)) })
    held.push(socket)
  })
}

async function open({ how, keyType, connections }: { how: 'ours' | 'bare'; keyType: KeyType; connections: number }): Promise<{ kibAnEnd: number; heapKibAnEnd: number; cpuMs: number }> {
  const world = await makeWorld(['one', 'two'], [], keyType)
  const one = await (how === 'ours' ? ourStreams(world) : bareSockets(world))
  for (let i = 0; i < 20; i++) await one()
  const before = collected()
  const cpu = cpuMs()
  for (let i = 0; i < connections; i++) await one()
  const cpuOfOne = (cpuMs() - cpu) / connections
  const after = collected()
  return { kibAnEnd: ((after.rss - before.rss) * 512) / connections, heapKibAnEnd: ((after.heap - before.heap) * 512) / connections, cpuMs: cpuOfOne }
}

serve({ open })
