/** Values and flags of RFC 7851, against bytes written down by hand from its text and tables. */
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { decode, encode } from '../../../../../src-main/base/presentation.ts'
import {
  ALL_DIAGNOSTICS, diagnosticKind, diagnosticKinds, diagnosticName, diagnosticNames, flagsFor, readDiagnostics, requestedKinds, writeDiagnostics, type Diagnostics,
} from '../../../../../src-main/reload/wire/diagnostics.ts'
import { diagnosticsRequest, diagnosticsResponse, pathTrackAns, pathTrackReq } from '../../../../../src-main/reload/wire/extensions.ts'
import { encodeContents } from '../../../../../src-main/reload/wire/bodies.ts'
import { dissect } from '../../../../../src-main/reload/wire/dissect.ts'
import { decodeMessage, encodeMessage } from '../../../../../src-main/reload/wire/message.ts'
import { messages } from './vectors.ts'
import { toNode } from '../../../../../src-main/reload/wire/destination.ts'

/** Table of RFC 7851 §9.1. */
const flagTable: Readonly<Record<string, bigint>> = {
  STATUS_INFO: 0x2n, ROUTING_TABLE_SIZE: 0x4n, PROCESS_POWER: 0x8n, UPSTREAM_BANDWIDTH: 0x10n, DOWNSTREAM_BANDWIDTH: 0x20n, SOFTWARE_VERSION: 0x40n,
  MACHINE_UPTIME: 0x80n, APP_UPTIME: 0x100n, MEMORY_FOOTPRINT: 0x200n, DATASIZE_STORED: 0x400n, INSTANCES_STORED: 0x800n, MESSAGES_SENT_RCVD: 0x1000n,
  EWMA_BYTES_SENT: 0x2000n, EWMA_BYTES_RCVD: 0x4000n, UNDERLAY_HOP: 0x8000n, BATTERY_STATUS: 0x1_0000n,
}

describe('diagnostic Kinds (RFC 7851 §9)', () => {
  test('and their flags are those of the registries', () => {
    expect(diagnosticNames.map((name) => [name, flagsFor([diagnosticKind(name)])])).toEqual(Object.entries(flagTable))
    expect([diagnosticKinds[0], diagnosticKinds.at(-1), diagnosticName(0), diagnosticName(17), diagnosticName(0xf000)]).toEqual([1, 0x10, undefined, undefined, undefined])
    expect(flagsFor(diagnosticKinds)).toBe(0x1fffen)
  })

  test('have the forms of §5.3', () => {
    const figures: Diagnostics = {
      STATUS_INFO: 0x0f, ROUTING_TABLE_SIZE: 300, SOFTWARE_VERSION: 'MyReloadApp/1.0 (Unix; Linux x86_64)', APP_UPTIME: 61n, MEMORY_FOOTPRINT: 0x1_0000_0001n,
      INSTANCES_STORED: [{ kind: 1, instances: 5n }, { kind: 0x104, instances: 2n }],
      MESSAGES_SENT_RCVD: [{ messageCode: 0x17, sent: 3n, received: 4n }], EWMA_BYTES_RCVD: 77, BATTERY_STATUS: 0x80,
    }
    const list = writeDiagnostics(figures, diagnosticKinds)
    expect(list.map(({ kind, diagnosticInfoContents }) => `${kind} ${toHex(diagnosticInfoContents)}`)).toEqual([
      '1 0f', '2 0000012c', `6 ${toHex(new TextEncoder().encode('MyReloadApp/1.0 (Unix; Linux x86_64)'))}00`, '8 000000000000003d', '9 0000000100000001',
      '11 000000010000000000000005000001040000000000000002', '12 001700000000000000030000000000000004', '14 0000004d', '16 80',
    ])
    expect(readDiagnostics(list)).toEqual(figures)
  })

  test('that are not asked for, or not known, are left out', () => {
    expect(writeDiagnostics({ STATUS_INFO: 1, ROUTING_TABLE_SIZE: 2 }, [2, 3, 0xf001]).map(({ kind }) => kind)).toEqual([2])
    expect(readDiagnostics([{ kind: 0xf001, diagnosticInfoContents: Uint8Array.of(1) }, { kind: 2, diagnosticInfoContents: Uint8Array.of(1) }, { kind: 6, diagnosticInfoContents: Uint8Array.of(65) }, { kind: 1, diagnosticInfoContents: Uint8Array.of(3) }])).toEqual({ STATUS_INFO: 3 })
  })
})

describe('a DiagnosticsRequest', () => {
  const asked = (dMFlags: bigint, kinds: readonly number[] = []): Parameters<typeof requestedKinds>[0] =>
    ({ expiration: 0n, timestampInitiated: 0n, dMFlags, diagnosticExtensionsList: kinds.map((kind) => ({ kind, diagnosticExtensionContents: new Uint8Array(0) })) })

  test('names Kinds by flags, all of them by all ones, and those beyond by its list', () => {
    expect(requestedKinds(asked(0n))).toEqual([])
    expect(requestedKinds(asked(0x1_0042n, [0xf003]))).toEqual([1, 6, 16, 0xf003])
    expect(requestedKinds(asked(ALL_DIAGNOSTICS))).toBe('all')
  })

  test('with a reserved bit, or with a Kind in its list that has a flag, is wrong', () => {
    expect(() => requestedKinds(asked(0x3n))).toThrow('reserved')
    expect(() => requestedKinds(asked(0x8000_0000_0000_0002n))).toThrow('reserved')
    for (const kind of [0, 1, 0x3f]) expect(() => requestedKinds(asked(0n, [kind]))).toThrow('flag')
  })

  test('and the response to it are laid out as in §5.1 and §5.2', () => {
    const request = { expiration: 0x0102030405060708n, timestampInitiated: 9n, dMFlags: 6n, diagnosticExtensionsList: [{ kind: 0xf001, diagnosticExtensionContents: Uint8Array.of(0xaa) }] }
    expect(toHex(encode(diagnosticsRequest, request))).toBe(`0102030405060708${'0'.repeat(15)}9${'0'.repeat(15)}6` + '00000007' + '00000007' + 'f001' + '00000001' + 'aa')
    const response = { expiration: 1n, timestampInitiated: 2n, timestampReceived: 3n, hopCounter: 98, diagnosticInfoList: [{ kind: 1, diagnosticInfoContents: Uint8Array.of(7) }] }
    const bytes = `${'0'.repeat(15)}1${'0'.repeat(15)}2${'0'.repeat(15)}3` + '62' + '00000005' + '00000005' + '0001' + '0001' + '07'
    expect(toHex(encode(diagnosticsResponse, response))).toBe(bytes)
    expect(toHex(encode(pathTrackAns, { nextHop: toNode(new Uint8Array(16).fill(0x11)), response }))).toBe(`0110${'11'.repeat(16)}${bytes}`)
    const none = '0'.repeat(48) + '00000000' + '00000000'
    expect(decode(pathTrackReq, fromHex(`0110${'22'.repeat(16)}${none}`)).request.diagnosticExtensionsList).toEqual([])
  })
})

test('a dissected answer has the RFC’s field names, and figures by name beside their bytes', () => {
  const [any] = messages
  const { header, security } = decodeMessage(any!.bytes)
  const response = { expiration: 1n, timestampInitiated: 2n, timestampReceived: 3n, hopCounter: 98, diagnosticInfoList: writeDiagnostics({ ROUTING_TABLE_SIZE: 9, INSTANCES_STORED: [{ kind: 1, instances: 4n }] }, [2, 11]) }
  const shown = (name: 'pathTrackAns' | 'pingAns'): unknown => {
    const contents = name === 'pathTrackAns' ? encodeContents('pathTrackAns', { nextHop: toNode(new Uint8Array(16).fill(0x11)), response })
      : encodeContents('pingAns', { responseId: 1n, time: 2n }, [{ type: 2, critical: false, extensionContents: encode(diagnosticsResponse, response) }])
    return dissect(encodeMessage({ header, contents, security }))['message_contents']
  }
  const told = {
    expiration: 1, timestamp_initiated: 2, timestamp_received: 3, hop_counter: 98, diagnostic_info_list: [
      { kind: 2, diagnostic_info_contents: '00000009', diagnostic_name: 'ROUTING_TABLE_SIZE', decoded_value: 9 },
      { kind: 11, diagnostic_info_contents: '000000010000000000000004', diagnostic_name: 'INSTANCES_STORED', decoded_value: [{ kind: 1, instances: 4 }] },
    ],
  }
  expect(shown('pathTrackAns')).toMatchObject({ message_code: 0x28, message_body: { next_hop: { type: 'node', node_id: '11'.repeat(16) }, response: told } })
  expect(shown('pingAns')).toMatchObject({ extensions: [{ type: 2, critical: false, diagnostics: told }] })
})
