// Long steps say what they do and how long it takes: a running clock on a terminal, a line now and then elsewhere.
import { spawn } from 'node:child_process'

const LINE_EVERY_MS = 10_000
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
const seconds = (from) => ((performance.now() - from) / 1000).toFixed(1)

export const say = (text) => { process.stderr.write(`${text}\n`) }

/**
 * Runs `work` under a title. `work` gets `note(text)`, which adds a word on what is happening now.
 * @returns what `work` returns
 */
export async function step(title, work) {
  const start = performance.now()
  const tty = process.stderr.isTTY
  let detail = ''
  const line = () => `${title}${detail ? ` (${detail})` : ''} ${seconds(start)} s`
  if (!tty) say(`· ${title}`)
  const timer = setInterval(() => {
    if (tty) process.stderr.write(`\r\x1b[2K· ${line()}`)
    else say(`  still at it: ${line()}`)
  }, tty ? 100 : LINE_EVERY_MS)
  const end = (mark) => {
    clearInterval(timer)
    detail = ''
    if (tty) process.stderr.write('\r\x1b[2K')
    say(`${mark} ${line()}`)
  }
  try {
    const result = await work((text) => { detail = text })
    end('✓')
    return result
  } catch (cause) {
    end('✗')
    throw cause
  }
}

/** The lines of an output that tell why it failed: those that say so, and the end. */
function telling(output) {
  const lines = output.trim().split('\n')
  const errors = lines.slice(0, -25).filter((line) => /\berr(or)?\b/i.test(line)).slice(0, 15)
  return [...errors, ...lines.slice(-25)].join('\n')
}

/**
 * Runs a command quietly; its output is kept and shown only when it fails.
 * @returns standard output
 */
export function run(command, args, { note, timeoutMs = 900_000, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32', ...options })
    let out = '', all = ''
    // who stops us stops what we run: half an installation that goes on by itself would meet the next try
    const stop = () => { child.kill('SIGTERM'); process.exit(130) }
    for (const signal of signals) process.on(signal, stop)
    const done = () => {
      clearTimeout(timer)
      for (const signal of signals) process.off(signal, stop)
    }
    const timer = setTimeout(() => { child.kill('SIGKILL'); all += `\nkilled after ${timeoutMs / 1000} s` }, timeoutMs)
    const take = (text) => {
      all = (all + text).slice(-200_000)
      const last = text.trim().split('\n').at(-1)
      if (note && last) note(last.slice(0, 60))
    }
    child.stdout.setEncoding('utf8').on('data', (text) => { out += text; take(text) })
    child.stderr.setEncoding('utf8').on('data', take)
    child.on('error', (cause) => { done(); reject(cause) })
    child.on('close', (code) => {
      done()
      if (code === 0) resolve(out)
      else reject(new Error(`${command} ${args.join(' ')} failed (${code})\n${telling(all)}`))
    })
  })
}
