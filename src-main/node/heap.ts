/** How far the heap grows before the engine collects it: for processes that serve for weeks. */
import { setFlagsFromString } from 'node:v8'

/**
 * By itself V8 lets a heap grow to up to four times of what was in use after the last collection. Transactions, which
 * live for 32 s, are old by the time they end, so that the memory of a busy proxy was a saw with teeth of 200 MB. With two
 * fifths it is level, for a twentieth more processor time (docs/performance.md, *Memory*). To be called once, at the start.
 */
export function keepHeapLevel(): void { setFlagsFromString('--heap-growing-percent=40') }
