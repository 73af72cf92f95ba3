/** Memory of open transactions: an INVITE that came over UDP and waits for its answer, with all that hangs on it. */
import { TransportLayer } from '../../../src-main/sip/transport/transportLayer.ts'
import { TransactionLayer } from '../../../src-main/sip/transaction/transactionLayer.ts'
import type { Connection, ConnectionUser } from '../../../src-main/sip/transport/connection.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import type { Log } from '../../../src-main/ports/log.ts'
import { figure, type Figure } from '../measure.ts'
import { corpus } from './corpus.ts'

const log: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => log }

export function memoryFigures(rounds: number): readonly Figure[] {
  if (globalThis.gc === undefined) throw new Error('run it by npm run bench: --expose-gc is needed')
  const used = (): number => {
    globalThis.gc?.()
    globalThis.gc?.()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const template = (corpus.find((bytes) => bytes.toString('latin1', 0, 6) === 'INVITE') as Buffer).toString('latin1')
  const count = 5000, samples: number[] = []
  for (let round = 0; round < rounds; round++) {
    const transport = new TransportLayer({ clock: createNodeClock(), log })
    const transactions = new TransactionLayer({ clock: createNodeClock(), random: createNodeRandom(), log, transport, maxTransactions: count })
    transactions.user = { onRequest: () => undefined, onAck: () => undefined, onConnectionClosed: () => undefined }
    let user: ConnectionUser | undefined
    const connection: Connection = {
      id: 'udp', transport: 'UDP', reliable: false, local: { host: '192.0.2.1', port: 5060 }, remote: { host: '192.0.2.10', port: 5060 },
      get user() { return user }, set user(value) { user = value }, send: () => undefined, close: () => undefined,
    }
    transport.attach(connection)
    const before = used()
    for (let i = 0; i < count; i++) user?.onData(new Uint8Array(Buffer.from(template.replace('z9hG4bK-', `z9hG4bK-${i}-`).replace('f81d4fae', String(i).padStart(8, '0')), 'latin1')))
    if (transactions.size !== count) throw new Error(`${transactions.size} transactions`)
    samples.push((used() - before) / count)
    transactions.close()
    transport.close()
  }
  return [figure('memory', `a thousand INVITE server transactions, message of ${template.length} bytes included`, samples.map((bytes) => bytes / 1000), 'MB')]
}
