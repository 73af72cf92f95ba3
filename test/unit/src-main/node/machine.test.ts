import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { batteryOf, createNodeMachine } from '../../../../src-main/node/machine.ts'

const made: string[] = []
afterEach(() => { for (const folder of made.splice(0)) rmSync(folder, { recursive: true }) })

function supplies(all: Readonly<Record<string, readonly [type: string, status?: string]>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-power-'))
  made.push(folder)
  for (const [name, [type, status]] of Object.entries(all)) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'type'), `${type}\n`)
    if (status !== undefined) writeFileSync(join(folder, name, 'status'), `${status}\n`)
  }
  return folder
}

test('a battery is in use while it discharges', () => {
  expect(batteryOf(supplies({ AC: ['Mains'], BAT0: ['Battery', 'Discharging'] }))).toBe(true)
  expect(batteryOf(supplies({ AC: ['Mains'], BAT0: ['Battery', 'Charging'] }))).toBe(false)
  expect(batteryOf(supplies({}))).toBe(false)
  expect(batteryOf(join(tmpdir(), 'no such folder'))).toBeUndefined()
})

test('what the machine tells is in printable US-ASCII and in its units', () => {
  const machine = createNodeMachine('1.2.3')
  expect(machine.softwareVersion).toMatch(/^Ringway\/1\.2\.3 \([\x20-\x7e]+; [\x20-\x7e]+\) node\/\d+\.\d+\.\d+$/)
  expect(machine.memoryBytes()).toBeGreaterThan(10_000_000)
  expect(machine.machineUptimeS()).toBeGreaterThanOrEqual(machine.appUptimeS())
  expect(machine.load() ?? 0).toBeGreaterThanOrEqual(0)
})
