import { readFileSync } from 'node:fs'
import { targetNamed } from './targets.ts'
import { MemoryConnection } from '../support/memoryConnection.ts'
const t = targetNamed('sip-element')!
const lines: string[] = []
const orig = MemoryConnection.prototype.send
MemoryConnection.prototype.send = function (this: MemoryConnection, b: Uint8Array) { const x = new TextDecoder('latin1').decode(b); lines.push(`${(this as unknown as {clock: {monotonic(): number}}).clock.monotonic()} ${this.id} ${this.transport} ${process.argv[3] ? x : x.split('\r\n')[0]}`); orig.call(this, b) }
try { console.log(await t.run(new Uint8Array(readFileSync(process.argv[2]!)))) } catch (e) { console.log(String(e)) }
console.log(lines.join('\n'))
