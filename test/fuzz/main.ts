/**
 * npm run fuzz -- TARGET|sip|reload|all SECONDS [--seed N] [--jobs N] [--keep] [--findings DIR]
 * Inputs with a finding are written to test/data/fuzz/TARGET/crash-*.bin, where `npm test` replays them, or to
 * DIR/TARGET; --keep also writes those that behave in a way of their own (seed-*.bin). Exit code 1 when something was
 * found.
 */
import { Worker } from 'node:worker_threads'
import { relative, resolve as absolute } from 'node:path'
import { parseArgs } from 'node:util'
import { orUsage } from '../support/usage.ts'
import { corpusRoot, writeCorpus } from './corpus.ts'
import { targetsNamed } from './targets.ts'
import { MAX_INPUT, type Done, type Found, type Job } from './limits.ts'

/** An input that runs longer than this never ends. */
const HANG_MS = 10_000
/** Inputs that --keep writes at most in one run. */
const MAX_KEPT = 24

interface Result { readonly findings: ReadonlyMap<string, string>; readonly done: Done | undefined }

function fuzz(target: string, seconds: number, seed: number, keep: boolean, folder: string): Promise<Result> {
  const shared = new SharedArrayBuffer(8 + MAX_INPUT)
  const state = new Int32Array(shared, 0, 2)
  const findings = new Map<string, string>()
  const note = (text: string, bytes: Uint8Array): void => {
    // One input for each place: the first lines of the stack tell places apart.
    const key = text.startsWith('Violation: ') ? text.split(':').slice(0, 2).join(':') : text.split('\n').slice(0, 2).join(' ').replace(/[0-9]{3,}/g, '#').slice(0, 160)
    if (findings.has(key)) return
    findings.set(key, text)
    console.log(`  FOUND ${relative(process.cwd(), writeCorpus(target, 'crash', bytes, folder))}\n  ${text.replaceAll('\n', '\n  ')}`)
  }
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: { target, seconds, seed, shared } satisfies Job })
    let done: Done | undefined
    let last = -1
    let kept = 0
    let since = Date.now()
    const watch = setInterval(() => {
      const count = Atomics.load(state, 0)
      if (count !== last) { last = count; since = Date.now(); return }
      if (Date.now() - since < HANG_MS) return
      note(`does not end within ${HANG_MS} ms`, new Uint8Array(shared, 8, Atomics.load(state, 1)).slice())
      worker.terminate().then(() => { resolve({ findings, done }) }, reject)
    }, 250)
    worker.on('message', (message: Found | Done) => {
      if (message.kind === 'done') done = message
      else if (message.kind === 'crash') note(message.text, message.bytes)
      else if (keep && kept < MAX_KEPT && message.bytes.length <= 4096) { kept++; writeCorpus(target, 'seed', message.bytes, corpusRoot) }
    })
    worker.on('error', reject)
    worker.on('exit', () => { clearInterval(watch); resolve({ findings, done }) })
  })
}

const usage = `usage: npm run fuzz -- TARGET SECONDS [--seed N] [--jobs N] [--keep] [--findings DIR]\ntargets: all sip reload ${targetsNamed('all').join(' ')}`
const { positionals, values } = orUsage(usage, () => parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' }, jobs: { type: 'string', default: '1' }, keep: { type: 'boolean', default: false }, findings: { type: 'string' } },
}))
const [name = '', time = ''] = positionals
const names = targetsNamed(name)
const [seconds, seed, jobs] = [time, values.seed, values.jobs].map(Number) as [number, number, number]
if (names.length === 0 || !(seconds > 0) || !Number.isSafeInteger(seed) || !(jobs >= 1)) {
  console.error(usage)
  process.exit(2)
}
const folder = values.findings === undefined ? corpusRoot : absolute(values.findings)
const waiting = [...names]
let total = 0
const work = async (): Promise<void> => {
  for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
    const { findings, done } = await fuzz(target, seconds, seed, values.keep, folder)
    total += findings.size
    const rate = done === undefined ? 'stopped' : `${done.inputs} inputs (${Math.round(done.inputs / seconds)}/s), ${Math.round((100 * done.accepted) / done.inputs)} % accepted, ${done.behaviours} behaviours, slowest ${done.slowestMs.toFixed(0)} ms`
    console.log(`${target}: ${findings.size} findings; ${rate}`)
  }
}
console.log(`seed ${seed}`)
await Promise.all(Array.from({ length: jobs }, work))
process.exitCode = total === 0 ? 0 : 1
