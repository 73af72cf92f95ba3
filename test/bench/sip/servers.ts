/**
 * Proxy and registrar under sipp, ours beside npm sip and Kamailio where that is installed: each on one core, callers and
 * callees on the other, in turn. Without passwords for all, and with digest for all that have it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ascending, figure, quantile, type Figure } from '../measure.ts'
import { callee, Capture, coreTimes, drops, has, type Load, onCore, pause, run, sipp, stop, usage } from './processes.ts'

const { ringwayCommand } = await import('../../../scripts/lib/paths.mjs' as string) as { readonly ringwayCommand: readonly string[] }
const folder = import.meta.dirname
const scenario = (name: string): string => join(folder, 'scenarios', name)
const USERS = 200
/** How long a server is asked before it is measured. */
const WARM_S = 12

interface Server { readonly name: string; readonly command: readonly string[]; readonly call: string; readonly register: string; readonly rates: readonly number[]; readonly registerRate: number }

function servers(directory: string): readonly Server[] {
  const node = [process.execPath, ...process.execArgv, ...ringwayCommand.slice(1, -1)]
  const kamailio = (...more: string[]): string[] => ['kamailio', '-DD', '-E', '-A', 'WORKERS=1', ...more, '-m', '512', '-f', scenario('kamailio.cfg'), '-P', join(directory, 'pid'), '-Y', directory]
  const open = { call: 'uac.xml', register: 'register.xml', rates: [200, 500], registerRate: 1000 }
  const digest = { call: 'uacDigest.xml', register: 'registerDigest.xml', rates: [200], registerRate: 300 } // two messages for one, three more a call
  const beside = has('kamailio')
  return [
    { name: 'Ringway', command: [...node, join(folder, 'proxyProcess.ts'), '--open'], ...open },
    ...(beside ? [{ name: 'Kamailio', command: kamailio(), ...open }] : []),
    { name: 'npm sip 0.0.6', command: [process.execPath, join(folder, 'npmProxyProcess.cjs')], ...open },
    { name: 'Ringway, digest', command: [...node, join(folder, 'proxyProcess.ts')], ...digest },
    ...(beside ? [{ name: 'Kamailio, digest', command: kamailio('-A', 'DIGEST'), ...digest }] : []),
  ]
}

/** A server with its users registered, and what to ask it. */
interface Running {
  readonly rssMb: () => number
  /** @returns what it was, and processor time in milliseconds for each success */
  cost(file: string, perSecond: number, count: number): Promise<Load & { readonly ms: number }>
}

async function withServer<T>(server: Server, directory: string, use: (running: Running) => Promise<T>): Promise<T> {
  const child = run(onCore(0, server.command), directory)
  const phone = callee(directory, scenario('uas.xml'))
  const pid = child.pid as number
  try {
    await Promise.race([new Promise<void>((done) => { child.stdout?.on('data', () => { done() }) }), pause(4000)])
    await pause(500)
    await sipp(directory, scenario(server.register), 200, USERS)
    return await use({
      rssMb: () => usage(pid).rssMb,
      async cost(file, perSecond, count) {
        const before = usage(pid).cpuMs
        const load = await sipp(directory, scenario(file), perSecond, count)
        return { ...load, ms: (usage(pid).cpuMs - before) / Math.max(1, load.ok) }
      },
    })
  } finally {
    phone.kill('SIGKILL')
    await stop(child)
  }
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  for (const [program, name] of [['sipp', 'sip-tester'], ['taskset', 'util-linux'], ['tcpdump', 'tcpdump']] as const) if (!has(program)) throw new Error(`${program} is missing: sudo apt-get install ${name}`)
  const directory = mkdtempSync(join(tmpdir(), 'sip-bench-'))
  writeFileSync(join(directory, 'users.csv'), `SEQUENTIAL\n${Array.from({ length: USERS }, (_, i) => `user${i};`).join('\n')}\n`)
  try { return await work(directory) } finally { rmSync(directory, { recursive: true, force: true }) }
}

interface Samples { readonly register: number[]; readonly registerRate: number; registerFailed: number; rss: number; readonly calls: Map<number, { ms: number[]; times: number[]; failed: number; retransmitted: number }> }

/**
 * CPU of calls and registrations at fixed rates; INVITE→180 at 200 calls a second. Before, each is warm: an engine compiles
 * what is called often, and what that takes belongs to the first ten thousand messages and not to the others.
 */
export function serverFigures(seconds: number, rounds: number): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const all = new Map<string, Samples>()
    for (let round = 0; round < rounds; round++) {
      for (const server of servers(directory)) {
        const note: Samples = all.get(server.name) ?? { register: [], registerRate: server.registerRate, registerFailed: 0, rss: 0, calls: new Map(server.rates.map((rate) => [rate, { ms: [], times: [], failed: 0, retransmitted: 0 }])) }
        all.set(server.name, note)
        await withServer(server, directory, async ({ cost, rssMb }) => {
          await cost(server.call, 200, 200 * WARM_S)
          await cost(server.register, server.registerRate, server.registerRate * WARM_S)
          const registers = await cost(server.register, server.registerRate, server.registerRate * seconds)
          note.register.push(registers.ms * 1000)
          note.registerFailed += registers.failed
          for (const rate of server.rates) {
            const sum = note.calls.get(rate)
            if (sum === undefined) continue
            const calls = await cost(server.call, rate, rate * seconds)
            sum.ms.push(calls.ms)
            sum.failed += calls.failed
            sum.retransmitted += calls.retransmissions
          }
          note.rss = Math.max(note.rss, rssMb())
          // by itself: tcpdump takes of the core that sipp has
          const capture = new Capture(directory)
          await pause(500)
          await cost(server.call, 200, 200 * Math.ceil(seconds / 2))
          note.calls.get(200)?.times.push(...await capture.times())
        })
      }
    }
    const middle = (samples: readonly number[]): number => quantile(ascending(samples), 0.5)
    const section = 'proxy and registrar on one core, under sipp'
    return [...all].flatMap(([name, note]) => {
      const peer = all.get(name.replace('Ringway', 'Kamailio'))
      return [
        ...[...note.calls].map(([rate, { ms, times, failed, retransmitted }]) => {
          const sorted = ascending(times), other = peer?.calls.get(rate)
          return figure(section, `${name}: CPU of one call at ${rate}/s`, ms, 'ms', {
            failed, retransmitted, ...(other === undefined || peer === note ? {} : { times_kamailio: middle(ms) / middle(other.ms) }),
            ...(times.length === 0 ? {} : { invite_180_p50_ms: quantile(sorted, 0.5), invite_180_p95_ms: quantile(sorted, 0.95), invite_180_p99_ms: quantile(sorted, 0.99), timed: times.length }),
          })
        }),
        figure(section, `${name}: CPU of one REGISTER at ${note.registerRate}/s`, note.register, 'us', { failed: note.registerFailed, rss_MB: note.rss, ...(peer === undefined || peer === note ? {} : { times_kamailio: middle(note.register) / middle(peer.register) }) }),
      ]
    })
  })
}

/** How many calls a second are held, for 20 s. */
export function sustainedFigures(seconds: number): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const figures: Figure[] = []
    for (const server of servers(directory).filter(({ name }) => !name.includes('digest'))) {
      for (const rate of [1200, 1600]) {
        await withServer(server, directory, async ({ cost, rssMb }) => {
          await cost(server.call, 300, 300 * Math.ceil(seconds / 2))
          const before = [coreTimes(0), coreTimes(1)], dropped = [drops(5060), drops(5080)] as const
          const calls = await cost(server.call, rate, rate * seconds)
          const [serverCore, sippCore] = [0, 1].map((core) => {
            const now = coreTimes(core), then = before[core] as ReturnType<typeof coreTimes>
            const busy = now.busyMs - then.busyMs
            return 100 * busy / (busy + now.idleMs - then.idleMs)
          }) as [number, number]
          figures.push(figure(`calls a second for ${seconds} s`, `${server.name} at ${rate}/s`, [calls.ms], 'ms CPU a call', {
            ok: calls.ok, failed_percent: 100 * calls.failed / (rate * seconds), retransmitted: calls.retransmissions, rss_MB: rssMb(),
            // all that ran there: the second core may be what is too slow, and others may have been at work
            server_core_percent: serverCore, sipp_core_percent: sippCore, dropped_at_server: drops(5060) - dropped[0], dropped_at_callee: drops(5080) - dropped[1],
          }))
        })
      }
    }
    return figures
  })
}

/** Resident memory while 300 calls a second go on for much longer than transactions live, which is 32 s. */
export function residentFigures(seconds: number, samples: number): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const figures: Figure[] = []
    for (const server of servers(directory).filter(({ name }) => !name.includes('digest'))) {
      await withServer(server, directory, async ({ cost, rssMb }) => {
        const resident: number[] = []
        let failed = 0
        for (let i = 0; i < samples; i++) {
          failed += (await cost(server.call, 300, 300 * seconds)).failed
          resident.push(rssMb())
        }
        figures.push(figure('memory while 300 calls a second go on', `${server.name}, resident, each ${seconds} s`, resident, 'MB', { in_order: resident.map(Math.round).join(' '), failed }))
      })
    }
    return figures
  })
}
