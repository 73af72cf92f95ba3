/**
 * Fuzzes one target until its time is up, in a thread, so that an input that never ends can be told: each input lies
 * in shared memory before it runs. Inputs that behave in a new way join the corpus.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { SeededRandom } from '../support/seededRandom.ts'
import { readCorpus } from './corpus.ts'
import { Mutator } from './mutate.ts'
import type { Done, Found, Job } from './limits.ts'
import { check } from './target.ts'
import { targetNamed } from './targets.ts'

const job = workerData as Job
const target = targetNamed(job.target)
if (target === undefined || parentPort === null) throw new Error('no such target')
const port = parentPort
const state = new Int32Array(job.shared, 0, 2)
const memory = new Uint8Array(job.shared, 8)
const corpus = [...target.seeds(), ...readCorpus(job.target).map(({ bytes }) => bytes)]
const mutator = new Mutator(new SeededRandom(job.seed), corpus, target.dictionary ?? [], target.maxLength ?? 16_384)
const behaviours = new Set<string>()
let inputs = 0
let accepted = 0
let slowestMs = 0
let crashes = 0

/** Of a promise that nobody waits for: the input that runs now, or the one before. */
process.on('unhandledRejection', (reason) => {
  crashes++
  const text = reason instanceof Error ? `${reason.name}: ${reason.message}\n${(reason.stack ?? '').split('\n').slice(1, 5).join('\n')}` : String(reason)
  port.postMessage({ kind: 'crash', bytes: memory.slice(0, Atomics.load(state, 1)), text } satisfies Found)
})

async function one(bytes: Uint8Array, isSeed: boolean): Promise<void> {
  memory.set(bytes)
  Atomics.store(state, 1, bytes.length)
  Atomics.add(state, 0, 1)
  const outcome = await check(target as NonNullable<typeof target>, bytes)
  inputs++
  slowestMs = Math.max(slowestMs, outcome.ms)
  if (outcome.behaviour.startsWith('ok')) accepted++
  if (outcome.finding !== undefined) {
    crashes++
    port.postMessage({ kind: 'crash', bytes, text: outcome.finding } satisfies Found)
  } else if (!behaviours.has(outcome.behaviour)) {
    behaviours.add(outcome.behaviour)
    if (isSeed) return
    corpus.push(bytes)
    port.postMessage({ kind: 'new', bytes, text: outcome.behaviour } satisfies Found)
  }
}

for (const seed of [...corpus]) await one(seed, true)
const end = performance.now() + job.seconds * 1000
while (performance.now() < end && crashes < 200) await one(mutator.next(), false)
port.postMessage({ kind: 'done', inputs, accepted, behaviours: behaviours.size, slowestMs } satisfies Done)
