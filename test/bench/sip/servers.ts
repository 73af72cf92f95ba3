/**
 * Proxy and registrar under sipp (Debian's sip-tester), ours beside npm sip and Kamailio where that is installed: each
 * in its own process on one core, the callers and callees of sipp on the other. Ours asks every caller and every phone
 * for a digest, as it always does: two messages more a REGISTER, three more a call.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ascending, figure, quantile, type Figure } from '../measure.ts'

const folder = import.meta.dirname
const scenario = (name: string): string => join(folder, 'scenarios', name)
const USERS = 200
const SECTION = 'proxy and registrar on one core, under sipp'

interface Server { readonly name: string; readonly command: readonly string[]; readonly call: string; readonly register: string }

const has = (program: string): boolean => spawnSync('which', [program]).status === 0

function servers(directory: string): readonly Server[] {
  const node = [process.execPath, ...process.execArgv]
  return [
    { name: 'Ringway, with digest', command: [...node, join(folder, 'proxyProcess.ts')], call: 'uacDigest.xml', register: 'registerDigest.xml' },
    { name: 'npm sip 0.0.6, no digest', command: [process.execPath, join(folder, 'npmProxyProcess.cjs')], call: 'uac.xml', register: 'register.xml' },
    ...(has('kamailio') ? [{ name: 'Kamailio, no digest', command: ['kamailio', '-DD', '-E', '-A', 'WORKERS=1', '-m', '256', '-f', scenario('kamailio.cfg'), '-P', join(directory, 'pid'), '-Y', directory], call: 'uac.xml', register: 'register.xml' }] : []),
  ]
}

/** Processor time and memory of a process and its children. */
function usage(pid: number): { readonly cpuMs: number; readonly rssMb: number } {
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

interface Load { readonly ok: number; readonly failed: number; readonly retransmissions: number; readonly rttMs: readonly number[] }

function sipp(directory: string, file: string, rate: number, count: number): Promise<Load> {
  return new Promise((resolve, reject) => {
    const child = spawn('taskset', ['-c', '1', 'sipp', '127.0.0.10:5060', '-sf', file, '-inf', join(directory, 'users.csv'), '-i', '127.0.0.11', '-p', '5090', '-r', String(rate), '-m', String(count),
      '-nostdin', '-timeout', '90s', '-trace_rtt', '-rtt_freq', '1', '-buff_size', '4194304', '-max_socket', '100'], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => { output = (output + chunk.toString()).slice(-20_000) })
    child.on('error', reject)
    child.on('close', () => {
      const number = (label: string): number => Number(new RegExp(`${label}\\s*\\|[^|]*\\|\\s*(\\d+)`).exec(output)?.[1] ?? Number.NaN)
      const retransmissions = [...output.matchAll(/(?:-->|<--|---).*?\s(\d+)\s+(\d+)\s+\d+/g)].reduce((sum, match) => sum + Number(match[2]), 0)
      const times = readdirSync(directory).filter((name) => name.endsWith('_rtt.csv'))
      const rttMs = times.flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').map((line) => line.split(';')).filter((row) => row[2]?.includes('1') === true).map((row) => Number(row[1]))).filter(Number.isFinite)
      for (const name of times) rmSync(join(directory, name))
      resolve({ ok: number('Successful call'), failed: number('Failed call'), retransmissions, rttMs })
    })
  })
}

async function start(server: Server): Promise<ChildProcess> {
  const child = spawn('taskset', ['-c', '0', ...server.command], { stdio: ['ignore', 'pipe', 'ignore'] })
  await Promise.race([
    new Promise<void>((done) => { child.stdout.on('data', () => { done() }) }),
    new Promise<void>((done) => { setTimeout(done, 3000) }),
  ])
  return child
}

export async function serverFigures(rate: number, seconds: number, rounds: number): Promise<readonly Figure[]> {
  for (const [program, name] of [['sipp', 'sip-tester'], ['taskset', 'util-linux']] as const) if (!has(program)) throw new Error(`${program} is missing: sudo apt-get install ${name}`)
  const directory = mkdtempSync(join(tmpdir(), 'sip-bench-'))
  writeFileSync(join(directory, 'users.csv'), `SEQUENTIAL\n${Array.from({ length: USERS }, (_, i) => `user${i};`).join('\n')}\n`)
  const figures: Figure[] = []
  const samples = new Map<string, { register: number[]; call: number[]; rtt: number[]; failed: number; retransmissions: number; rssMb: number }>()
  try {
    for (let round = 0; round < rounds; round++) {
      for (const server of servers(directory)) {
        const child = await start(server)
        const callee = spawn('taskset', ['-c', '1', 'sipp', '-sf', scenario('uas.xml'), '-i', '127.0.0.12', '-p', '5080', '-nostdin', '-buff_size', '4194304'], { cwd: directory, stdio: 'ignore' })
        try {
          const note = samples.get(server.name) ?? { register: [], call: [], rtt: [], failed: 0, retransmissions: 0, rssMb: 0 }
          samples.set(server.name, note)
          const cost = async (file: string, perSecond: number, count: number): Promise<{ load: Load; ms: number }> => {
            const before = usage(child.pid as number).cpuMs
            const load = await sipp(directory, scenario(file), perSecond, count)
            return { load, ms: (usage(child.pid as number).cpuMs - before) / Math.max(1, load.ok) }
          }
          await sipp(directory, scenario(server.register), 200, USERS)
          const registers = await cost(server.register, rate * 2, rate * seconds * 2)
          note.register.push(registers.ms * 1000)
          const calls = await cost(server.call, rate, rate * seconds)
          note.call.push(calls.ms)
          note.rtt.push(...calls.load.rttMs)
          note.failed += calls.load.failed + registers.load.failed
          note.retransmissions += calls.load.retransmissions
          note.rssMb = Math.max(note.rssMb, usage(child.pid as number).rssMb)
        } finally {
          callee.kill('SIGKILL')
          child.kill('SIGTERM')
          await new Promise((done) => { child.on('exit', done); setTimeout(() => { child.kill('SIGKILL'); done(undefined) }, 2000) })
        }
      }
    }
  } finally { rmSync(directory, { recursive: true, force: true }) }
  for (const [name, note] of samples) {
    const rtt = ascending(note.rtt)
    figures.push(figure(SECTION, `${name}: CPU of one call at ${rate}/s`, note.call, 'ms', {
      failed: note.failed, retransmitted: note.retransmissions, rss_MB: note.rssMb, invite_180_p50_ms: quantile(rtt, 0.5), invite_180_p99_ms: quantile(rtt, 0.99),
    }), figure(SECTION, `${name}: CPU of one REGISTER at ${rate * 2}/s`, note.register, 'us'))
  }
  return figures
}
