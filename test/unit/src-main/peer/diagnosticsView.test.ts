import { expect, test } from 'vitest'
import { diagnosticsView as schema } from '@shared/ipc/contract.ts'
import { diagnosticsView } from '../../../../src-main/peer/diagnosticsView.ts'

test('figures are shown as plain numbers, Kinds and messages by name, those without one by number', () => {
  const view = diagnosticsView({
    STATUS_INFO: 3, SOFTWARE_VERSION: 'x/1', DATASIZE_STORED: 12_345n, INSTANCES_STORED: [{ kind: 1, instances: 2n }, { kind: 0xf0000001, instances: 5n }],
    MESSAGES_SENT_RCVD: [{ messageCode: 0x07, sent: 1n, received: 2n }, { messageCode: 0x99, sent: 0n, received: 1n }],
  })
  expect(view).toEqual({
    STATUS_INFO: 3, SOFTWARE_VERSION: 'x/1', DATASIZE_STORED: 12_345, INSTANCES_STORED: { 'SIP-REGISTRATION': 2, '0xf0000001': 5 },
    MESSAGES_SENT_RCVD: { storeReq: { sent: 1, received: 2 }, '0x0099': { sent: 0, received: 1 } },
  })
  expect(schema.parse(view)).toEqual(view)
  expect(diagnosticsView({})).toEqual({})
})
