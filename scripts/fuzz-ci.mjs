#!/usr/bin/env node
// The stage `fuzz` of `npm test`: SIP from outside for a minute a target, two targets at a time, then every property
// test with twenty times its inputs: node scripts/fuzz-ci.mjs [--seed N] [--seconds N]
// The seed is a hash of the code under test: what has not changed is tried with the same inputs and fails alike, what
// has changed is tried with new ones. It is printed; inputs with a finding lie in test-results/fuzz.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { root, toolEnv } from './lib/paths.mjs'
import { say } from './lib/progress.mjs'

const JOBS = 2
const PROPERTY_RUNS = 20

function* filesBelow(folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else yield path
  }
}

/** @returns a whole number below 2^31 */
export function seedOf(folders) {
  const hash = createHash('sha256')
  for (const folder of folders) {
    // a checkout with other line ends is the same code
    for (const path of filesBelow(folder)) hash.update(readFileSync(join(root, path), 'latin1').replaceAll('\r\n', '\n'), 'latin1')
  }
  return hash.digest().readUInt32BE() >>> 1
}

/** Paths of the tests that take their inputs from fast-check. */
export function propertyTests() {
  return [...filesBelow('test/unit')].filter((path) => path.endsWith('.test.ts') && readFileSync(join(root, path), 'utf8').includes('support/properties.ts\''))
    .map((path) => path.replaceAll('\\', '/'))
}

function run(command, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { stdio: 'inherit', cwd: root, env: toolEnv(env), shell: process.platform === 'win32' })
    child.on('error', reject)
    child.on('exit', (code) => { resolve(code ?? 1) })
  })
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, seconds: { type: 'string', default: '60' } } })
  const seed = values.seed ?? String(seedOf(['src-main', 'test/fuzz']))
  const findings = join(root, 'test-results/fuzz')
  say(`seed ${seed}: node scripts/fuzz-ci.mjs --seed ${seed} does the same again`)
  const fuzzed = await run(['node', 'scripts/tool.mjs', 'test/fuzz/main.ts', 'sip', values.seconds, '--seed', seed, '--jobs', String(JOBS), '--findings', findings])
  if (fuzzed !== 0) say(`what was found lies in ${relative(root, findings)}; copied to test/data/fuzz, the unit tests replay it`)
  const properties = await run(['vitest', 'run', '--project', 'unit', '--testTimeout=120000', ...propertyTests()],
    { RINGWAY_PROPERTY_SEED: seed, RINGWAY_PROPERTY_RUNS: String(PROPERTY_RUNS) })
  process.exitCode = Math.max(fuzzed, properties)
}
