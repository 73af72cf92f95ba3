/**
 * What this peer can tell of itself (RFC 7851 §5.3). Left out is what nobody here can know: processing power in MIPS,
 * the bandwidth of the line, IP hops to the next peer.
 */
import type { Counters } from '../../base/counters.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Machine } from '../../ports/machine.ts'
import type { MessageCounts } from '../forwarding/messageCounts.ts'
import type { Storage } from '../storage/storage.ts'
import type { Chord } from '../topology/chord.ts'
import { diagnosticKind, type Diagnostics } from '../wire/diagnostics.ts'
import type { OverlayConfiguration } from '../config/configuration.ts'
import { TrafficMeter } from './trafficMeter.ts'

export interface FigureDependencies {
  readonly clock: Clock
  readonly counters: Counters
  readonly messages: MessageCounts
  readonly chord: Pick<Chord, 'routableCount'>
  readonly storage: Pick<Storage, 'usage'>
  /** Absent: nothing is told of program and machine. */
  readonly machine: Machine | undefined
}

/** "Using a battery" is the leftmost bit clear; the other bits are nobody's. */
const ON_MAINS = 0x80
const STATUS_LEVELS = 16

export class Figures {
  private readonly meter: TrafficMeter

  constructor(private readonly deps: FigureDependencies) {
    const { counters } = deps
    this.meter = new TrafficMeter(deps.clock, () => ({ sent: counters.get('sent.bytes'), received: counters.get('received.bytes') }))
  }

  /** Averages cost a timer: they are kept only where the configuration lets somebody read them. */
  configured({ diagnosticKinds }: Pick<OverlayConfiguration, 'diagnosticKinds'>): void {
    const metered = [diagnosticKind('EWMA_BYTES_SENT'), diagnosticKind('EWMA_BYTES_RCVD')]
    if (diagnosticKinds.some(({ kind, accessNodes }) => metered.includes(kind) && accessNodes.length > 0)) this.meter.start()
    else this.meter.stop()
  }

  now(): Diagnostics {
    const { chord, storage, messages, machine } = this.deps
    const usage = storage.usage()
    const traffic = this.meter.bytesPerSecond
    return {
      ROUTING_TABLE_SIZE: chord.routableCount,
      DATASIZE_STORED: BigInt(usage.reduce((sum, { bytes }) => sum + bytes, 0)),
      INSTANCES_STORED: usage.map(({ kind, instances }) => ({ kind, instances: BigInt(instances) })),
      MESSAGES_SENT_RCVD: messages.all().map(({ messageCode, sent, received }) => ({ messageCode, sent: BigInt(sent), received: BigInt(received) })),
      ...(traffic !== undefined && { EWMA_BYTES_SENT: capped(traffic.sent), EWMA_BYTES_RCVD: capped(traffic.received) }),
      ...(machine !== undefined && ofMachine(machine)),
    }
  }

  close(): void { this.meter.stop() }
}

function ofMachine(machine: Machine): Diagnostics {
  const load = machine.load(), uptime = machine.machineUptimeS(), battery = machine.onBattery()
  return {
    SOFTWARE_VERSION: machine.softwareVersion, APP_UPTIME: BigInt(Math.floor(machine.appUptimeS())), MEMORY_FOOTPRINT: BigInt(Math.ceil(machine.memoryBytes() / 1024)),
    ...(load !== undefined && { STATUS_INFO: Math.max(0, Math.min(STATUS_LEVELS - 1, Math.floor(load * STATUS_LEVELS))) }),
    ...(uptime !== undefined && { MACHINE_UPTIME: BigInt(Math.floor(uptime)) }),
    ...(battery !== undefined && { BATTERY_STATUS: battery ? 0 : ON_MAINS }),
  }
}

function capped(value: number): number { return Math.min(value, 0xffffffff) }
