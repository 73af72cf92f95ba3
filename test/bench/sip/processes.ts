/**
 * Programs that the SIP benchmark runs: servers on the first core, sipp (Debian's sip-tester) and tcpdump on the second.
 * As root they go before whatever else the machine does, so that waiting for a core is not measured.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export const has = (program: string): boolean => spawnSync('which', [program]).status === 0

/** A command line for one core. */
export const onCore = (core: number, command: readonly string[]): readonly string[] =>
  [...(process.getuid?.() === 0 ? ['nice', '-n', '-15'] : []), 'taskset', '-c', String(core), ...command]

export function run(command: readonly string[], cwd: string): ChildProcess {
  const [program = '', ...args] = command
  return spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((done) => { child.once('exit', done) })
  child.kill('SIGTERM')
  const late = setTimeout(() => { child.kill('SIGKILL') }, 2000)
  await ended
  clearTimeout(late)
}

export const pause = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms) })

/** Processor time and memory of a process and its children. */
export function usage(pid: number): { readonly cpuMs: number; readonly rssMb: number } {
  const family = new Set([pid])
  let cpuMs = 0, rssMb = 0
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).sort((a, b) => a - b)) {
    let fields: string[]
    try { fields = readFileSync(`/proc/${entry}/stat`, 'utf8').replace(/^.*\) /, '').split(' ') } catch { continue /* it has ended */ }
    if (!family.has(entry) && !family.has(Number(fields[1]))) continue
    family.add(entry)
    cpuMs += (Number(fields[11]) + Number(fields[12])) * 10
    rssMb += Number(fields[21]) * 4096 / 1e6
  }
  return { cpuMs, rssMb }
}

/** Datagrams that the kernel has dropped in front of the socket of this port. */
export function drops(port: number): number {
  let sum = 0
  for (const line of readFileSync('/proc/net/udp', 'utf8').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/)
    if (Number.parseInt(fields[1]?.split(':')[1] ?? '', 16) === port) sum += Number(fields[12])
  }
  return sum
}

/** How long a core has worked and how long it has been idle, for whomever, in milliseconds; what the host took away counts as work. */
export function coreTimes(core: number): { readonly busyMs: number; readonly idleMs: number } {
  const [, ...times] = readFileSync('/proc/stat', 'utf8').split('\n').find((line) => line.startsWith(`cpu${core} `))?.split(/\s+/) ?? []
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = times.map((ticks) => Number(ticks) * 10)
  return { busyMs: user + nice + system + irq + softirq + steal, idleMs: idle + wait }
}

export interface Load { readonly ok: number; readonly failed: number; readonly retransmissions: number }

/**
 * Calls or registrations at a fixed rate, from 127.0.0.11. A call that waits ten seconds for a message has failed; sipp
 * itself is stopped when it has not ended long after the last call, and then all have.
 */
export function sipp(directory: string, file: string, rate: number, count: number): Promise<Load> {
  return new Promise((resolve, reject) => {
    const child = run(onCore(1, ['sipp', '127.0.0.10:5060', '-sf', file, '-inf', join(directory, 'users.csv'), '-i', '127.0.0.11', '-p', '5090', '-r', String(rate), '-m', String(count),
      '-nostdin', '-recv_timeout', '10000', '-timeout', `${Math.ceil(count / rate) + 15}s`, '-buff_size', '4194304', '-max_socket', '100']), directory)
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => { output = (output + chunk.toString()).slice(-20_000) })
    child.on('error', reject)
    const late = setTimeout(() => { child.kill('SIGKILL') }, (Math.ceil(count / rate) + 45) * 1000)
    child.on('close', () => {
      clearTimeout(late)
      const number = (label: string): number => Number(new RegExp(`${label}\\s*\\|[^|]*\\|\\s*(\\d+)`).exec(output.slice(output.lastIndexOf('Statistics Screen')))?.[1] ?? Number.NaN)
      const ok = number('Successful call')
      if (Number.isNaN(ok)) { resolve({ ok: 0, failed: count, retransmissions: Number.NaN }); return }
      const last = output.slice(output.lastIndexOf('Retrans'))
      const retransmissions = [...last.matchAll(/---------->.*?\s(\d+)\s+(\d+)\s/g)].reduce((sum, match) => sum + Number(match[2]), 0)
      resolve({ ok, failed: number('Failed call'), retransmissions })
    })
  })
}

/** The callee of all calls, at 127.0.0.12:5080. */
export const callee = (directory: string, file: string): ChildProcess => run(onCore(1, ['sipp', '-sf', file, '-i', '127.0.0.12', '-p', '5080', '-nostdin', '-buff_size', '4194304']), directory)

/** Times from each INVITE of the caller to its 180, by the kernel's clock at the caller's socket: sipp's own goes in steps of 4 ms. */
export class Capture {
  private readonly file: string
  private readonly child: ChildProcess

  constructor(directory: string) {
    this.file = join(directory, 'calls.pcap')
    this.child = run(onCore(1, ['tcpdump', '-i', 'lo', '-n', '-s', '1500', '-B', '16384', '-w', this.file, 'udp and host 127.0.0.11']), directory)
  }

  /** Ends it. @returns milliseconds, in no order */
  async times(): Promise<readonly number[]> {
    await pause(300)
    await stop(this.child)
    const bytes = readFileSync(this.file)
    rmSync(this.file)
    const asked = new Map<string, number>(), out: number[] = []
    for (let at = 24; at + 16 <= bytes.length;) {
      const ms = bytes.readUInt32LE(at) * 1000 + bytes.readUInt32LE(at + 4) / 1000, length = bytes.readUInt32LE(at + 8)
      const text = bytes.toString('latin1', at + 16 + 42, at + 16 + length) // behind Ethernet, IPv4 and UDP
      at += 16 + length
      const id = /\r\nCall-ID: ([^\r]*)/i.exec(text)?.[1]
      if (id === undefined) continue
      if (text.startsWith('INVITE ')) asked.set(id, ms) // the one with credentials counts, where there are two
      else if (text.startsWith('SIP/2.0 180')) {
        const since = asked.get(id)
        if (since !== undefined) out.push(ms - since)
        asked.delete(id)
      }
    }
    return out
  }
}
