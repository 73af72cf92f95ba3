import { describe, expect, test } from 'vitest'
import { tableSizes } from '../../../../../../src-main/reload/topology/selfTuning/tableSizes.ts'

describe('the sizes of the tables (RFC 7363 §6.2)', () => {
  test.each([[500, 9, 16], [512, 9, 16], [513, 10, 16], [100_000, 17, 17], [1_000_000, 20, 20]])('of %i peers: %i neighbours on each side, %i fingers', (peers, neighbours, entries) => {
    expect(tableSizes(peers)).toMatchObject({ predecessors: neighbours, successors: neighbours, entries })
  })

  test('three successors hold copies, and there are at least the four neighbours that this needs', () => {
    for (const peers of [0, 1, 2, 3.7, 8]) expect(tableSizes(peers)).toMatchObject({ predecessors: 4, successors: 4, replicas: 3, entries: 16 })
  })
})
