/** The machine and the process, as Node and the kernel tell. */
import { readdirSync, readFileSync } from 'node:fs'
import { arch, cpus, freemem, loadavg, platform, totalmem, type, uptime } from 'node:os'
import { join } from 'node:path'
import type { Machine } from '../ports/machine.ts'

const powerSupplies = '/sys/class/power_supply'

export function createNodeMachine(productVersion: string): Machine {
  return {
    softwareVersion: `Ringway/${productVersion} (${type()}; ${arch()}) node/${process.versions.node}`,
    machineUptimeS: uptime,
    appUptimeS: () => process.uptime(),
    memoryBytes: () => process.memoryUsage.rss(),
    load: () => {
      // Windows keeps no load average.
      if (platform() === 'win32') return undefined
      const [, fiveMinutes = 0] = loadavg()
      return Math.max(fiveMinutes / cpus().length, 1 - freemem() / totalmem())
    },
    onBattery: () => batteryOf(powerSupplies),
  }
}

/** Linux: on battery when a battery discharges; not, when no supply is a battery. undefined elsewhere. */
export function batteryOf(folder: string): boolean | undefined {
  try {
    const text = (supply: string, file: string): string => readFileSync(join(folder, supply, file), 'utf8').trim()
    return readdirSync(folder).some((supply) => text(supply, 'type') === 'Battery' && text(supply, 'status') === 'Discharging')
  } catch {
    return undefined
  }
}
