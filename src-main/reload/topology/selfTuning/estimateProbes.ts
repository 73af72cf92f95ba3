/**
 * The Probes of CHORD-SELF-TUNING: of new fingers for their uptime (RFC 7363 §5.3), and of some random ones at each
 * stabilisation (§6.5). Requests and answers carry the sender's estimates in an extension of type self_tuning_data.
 */
import { toHex } from '../../../base/bytes.ts'
import { DecodeError } from '../../../base/errors.ts'
import { decode, encode } from '../../../base/presentation.ts'
import type { Log } from '../../../ports/log.ts'
import type { Random } from '../../../ports/random.ts'
import type { RequestSender } from '../../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../../wire/bodies.ts'
import { ExtensionType, MessageCode } from '../../wire/constants.ts'
import { selfTuningData } from '../../wire/extensions.ts'
import type { MessageExtension } from '../../wire/message.ts'
import { fromWire, toWire, type Estimates } from './sharedEstimates.ts'

export interface ProbeDependencies {
  readonly random: Random
  readonly log: Log
  readonly sender: RequestSender
  /** Ours, the latest. */
  estimates(): Estimates
  onEstimates(from: Uint8Array, estimates: Estimates): void
  onUptime(of: Uint8Array, uptimeS: number): void
}

/** ProbeInformationType uptime (RFC 6940 §6.4.2.5). */
const UPTIME = 3

export class EstimateProbes {
  constructor(private readonly deps: ProbeDependencies) {}

  /** Asks a connected peer for its uptime and estimates, telling it ours. */
  send(peer: Uint8Array): void {
    const { sender, log } = this.deps
    sender.request([{ node: peer }], MessageCode.probeReq, uptimeRequest, untilClosed, { through: peer, extensions: this.extensions }).then((answer) => {
      for (const info of decodeBody('probeAns', answer.body).probeInfo) if (info.type === 'uptime') this.deps.onUptime(peer, info.uptime)
      this.take(peer, answer.extensions)
    }).catch((error: unknown) => { log.debug('probe failed', { peer: toHex(peer), error: String(error) }) })
  }

  /** `count` of `peers`, at random. */
  some(peers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
    const left = [...peers]
    const chosen: Uint8Array[] = []
    while (chosen.length < count && left.length > 0) {
      const [high = 0, low = 0] = this.deps.random.bytes(2)
      chosen.push(...left.splice((high * 256 + low) % left.length, 1))
    }
    return chosen
  }

  /** Takes in what a Probe brought; the extensions of its answer. */
  readonly answer = (by: Uint8Array, extensions: readonly MessageExtension[]): readonly MessageExtension[] => {
    this.take(by, extensions)
    return this.extensions
  }

  private get extensions(): readonly MessageExtension[] {
    return [{ type: ExtensionType.selfTuningData, critical: false, extensionContents: encode(selfTuningData, toWire(this.deps.estimates())) }]
  }

  /** What cannot be read is passed over: the extension is not critical. */
  private take(from: Uint8Array, extensions: readonly MessageExtension[]): void {
    const data = extensions.find(({ type }) => type === ExtensionType.selfTuningData)
    if (data === undefined) return
    try {
      const estimates = fromWire(decode(selfTuningData, data.extensionContents, 'SelfTuningData'))
      if (estimates !== undefined) this.deps.onEstimates(from, estimates)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.deps.log.debug('estimates not readable', { peer: toHex(from), error: error.message })
    }
  }
}

/** What is under way ends with the transaction layer. */
const untilClosed = new AbortController().signal
const uptimeRequest = encodeContents('probeReq', { requestedInfo: [UPTIME] }).messageBody
