import { describe, expect, it } from 'vitest'
import type { SocketAddress } from '../../../../../src-main/ports/secureStream.ts'
import type { Connection } from '../../../../../src-main/reload/forwarding/connectionTable.ts'
import type { LinkFactory } from '../../../../../src-main/reload/link/linkFactory.ts'
import { findNodes } from '../../../../../src-main/reload/overlay/bootstrapSearch.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'
import { silentLog } from '../../../../support/overlayKit.ts'

const at = (port: number): SocketAddress => ({ host: '192.0.2.1', port })
const linkTo = (port: number, initiatedByUs: boolean, isSuspect = false): Connection => ({ link: { initiatedByUs, isSuspect, stream: { remote: at(port) } } }) as Connection

describe('looking for nodes (RFC 6940 §11.4)', () => {
  it('dials each address but those that a sound link of ours goes to', async () => {
    const dialled: number[] = []
    const factory = { dial: ({ port }: SocketAddress) => { dialled.push(port); return Promise.reject(new Error('nobody')) } } as unknown as LinkFactory
    const links = [linkTo(1, true), linkTo(2, false), linkTo(3, true, true)]
    const nodes = findNodes({
      clock: new VirtualClock(), log: silentLog, nodeId: new Uint8Array(16), factory, nodeIdsOf: () => [], introduce: () => Promise.resolve(undefined),
      source: { async *candidates() { yield* await Promise.resolve([at(1), at(2), at(3), at(4)]) } }, table: { all: () => links, get: () => undefined },
    }, 1000, new AbortController().signal)
    expect(await nodes.next()).toEqual({ done: true, value: undefined })
    expect(dialled).toEqual([2, 3, 4])
  })
})
