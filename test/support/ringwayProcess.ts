/** The command line as processes: one command to its end, and `ringway run` until it is closed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { plainEnv, root } from './environment.ts'

export type Line = Record<string, unknown>

/** Runs one command to its end. @returns its JSON lines @throws with what it wrote when it fails */
export function ringway(profile: string, args: readonly string[]): Promise<Line[]> {
  return new Promise((resolve, reject) => {
    const child = start(profile, args)
    const lines: Line[] = []
    let text = ''
    child.stdout?.on('data', (bytes: Buffer) => { text += bytes.toString() })
    let errors = ''
    child.stderr?.on('data', (bytes: Buffer) => { errors += bytes.toString() })
    child.once('error', reject)
    child.once('close', (code) => {
      for (const line of text.split('\n')) if (line.startsWith('{')) lines.push(JSON.parse(line) as Line)
      if (code === 0) resolve(lines)
      else reject(new Error(`ringway ${args.join(' ')} ended with ${String(code)}\n${text}${errors}`))
    })
  })
}

function start(profile: string, args: readonly string[]): ChildProcess {
  mkdirSync(profile, { recursive: true })
  return spawn(process.execPath, [join(root, 'bin/ringway.mjs'), '--json', '--profile', profile, ...args], { env: plainEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
}

export interface HeadlessPeer {
  /** waits for a line that has these values, from the start of the process on */
  line(wanted: Line, timeoutMs?: number): Promise<Line>
  /** what it has written to its error output */
  errors(): string
  close(): Promise<void>
  /** as a power cut does: nothing is said to anybody */
  kill(): Promise<void>
}

/** `ringway run` until it is closed. */
export function runPeer(profile: string, args: readonly string[]): HeadlessPeer {
  const child = start(profile, ['run', ...args])
  const lines: Line[] = []
  let errors = ''
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    if (line.startsWith('{')) lines.push(JSON.parse(line) as Line)
    for (const look of waiting) look()
  })
  child.stderr?.on('data', (bytes: Buffer) => { errors += bytes.toString() })
  let ended = false
  const exited = new Promise<void>((done) => { child.once('exit', () => { ended = true; done(); for (const look of waiting) look() }) })
  const matches = (wanted: Line) => (line: Line): boolean => Object.entries(wanted).every(([key, value]) => line[key] === value)
  return {
    line: (wanted, timeoutMs = 30_000) => new Promise((resolve, reject) => {
      const finish = (): void => { clearTimeout(timer); waiting.delete(look) }
      const look = (): void => {
        const found = lines.find(matches(wanted))
        if (found !== undefined) { finish(); resolve(found) } else if (ended) { finish(); reject(new Error(`the peer ended before ${JSON.stringify(wanted)}\n${errors}`)) }
      }
      const timer = setTimeout(() => { finish(); reject(new Error(`no ${JSON.stringify(wanted)} within ${timeoutMs} ms, but ${JSON.stringify(lines.slice(-8))}\n${errors}`)) }, timeoutMs)
      waiting.add(look)
      look()
    }),
    errors: () => errors,
    close: async () => {
      child.kill('SIGTERM')
      await exited
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
