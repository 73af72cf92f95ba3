#!/usr/bin/env node
// `npm test`: prepares everything and runs the whole suite, stage by stage; the last line is `N passed, N failed`.
// A stage that fails or crashes does not stop the others. Some stages alone: npm test -- lint unit
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bin, root, toolEnv } from './lib/paths.mjs'
import { say } from './lib/progress.mjs'
import { main, prepareTools } from './prepare.mjs'

const results = join(root, 'test-results')
const SCREEN = '-screen 0 1400x900x24'

/** name, how it runs, and what must have passed before; `network: false` cuts it off from every network */
const stages = [
  { name: 'lint', command: ['eslint', '.', '--max-warnings=0'] },
  { name: 'dependencies', command: ['depcruise', '--config', 'dependency-cruiser.cjs', 'src-main', 'src-shared', 'src-renderer'] },
  { name: 'types', commands: ['node', 'web', 'e2e'].map((name) => ['vue-tsc', '-p', `tsconfig.${name}.json`]) },
  { name: 'unit', vitest: ['--project', 'unit'], minutes: 6 },
  { name: 'fuzz', command: ['node', 'scripts/fuzz-ci.mjs'], minutes: 9 },
  { name: 'build', run: buildStage },
  { name: 'overlay', vitest: ['--project', 'overlay'], network: false, minutes: 4, after: ['build'] },
  { name: 'interop', vitest: ['--project', 'interop'], network: false, tools: ['phones', 'wireshark'], minutes: 10, after: ['build'] },
  { name: 'demo', command: ['node', 'bin/ringway.mjs', 'demo', '--json'], network: false, minutes: 3, after: ['build'] },
  { name: 'browser', vitest: ['--project', 'e2e', 'test/e2e/browser'], network: false, tools: ['browser', 'phones'], minutes: 5, after: ['build'] },
  { name: 'desktop', vitest: ['--project', 'e2e', 'test/e2e/desktop'], network: false, display: true, minutes: 4, after: ['build'] },
  { name: 'package', command: ['node', 'scripts/package.mjs', '--dir'], after: ['build'] },
  { name: 'packaged', vitest: ['--project', 'e2e', 'test/e2e/packaged'], network: false, display: true, minutes: 3, after: ['package'] },
]

async function buildStage() {
  const { build } = await import('./lib/build.mjs')
  await build()
}

/** Runs one command to its end, its whole process group with it. */
function execute(command, { env, minutes }) {
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'inherit'], cwd: root, env, detached: process.platform !== 'win32' })
    const killGroup = () => {
      try {
        if (process.platform === 'win32') child.kill('SIGKILL')
        else process.kill(-child.pid, 'SIGKILL')
      } catch (cause) {
        if (cause.code !== 'ESRCH') throw cause
      }
    }
    const timer = setTimeout(() => { say(`stopped: longer than ${minutes} minutes`); killGroup() }, minutes * 60_000)
    const stop = () => { killGroup(); process.exit(130) }
    process.once('SIGINT', stop).once('SIGTERM', stop)
    const end = (code) => {
      clearTimeout(timer)
      process.off('SIGINT', stop).off('SIGTERM', stop)
      killGroup()
      resolve(code)
    }
    child.on('error', (cause) => { say(String(cause)); end(1) })
    child.on('exit', (code) => { end(code ?? 1) })
  })
}

async function runStage(stage, context) {
  const { countPlain, countVitest } = await import('./lib/tally.mjs')
  const { loopbackOnly } = await import('./lib/loopback.mjs')
  const { which } = await import('./lib/system.mjs')
  const missing = (stage.after ?? []).filter((name) => context.failed.has(name))
  if (missing.length > 0) { say(`not run: ${missing.join(', ')} failed`); return countPlain(1) }
  const tools = [...(stage.tools ?? []), ...(stage.display ? ['display'] : [])].filter((name) => context.missingTools.includes(name))
  if (tools.length > 0) { say(`not run: no ${tools.join(', ')} on this system`); return countPlain(1) }
  if (stage.display && context.runtime === undefined) { say('not run: no Electron'); return countPlain(1) }
  if (stage.run) { await stage.run(); return countPlain(0) }

  const minutes = stage.minutes ?? 5
  const file = join(results, `${stage.name}.json`)
  const commands = stage.vitest
    ? [['vitest', 'run', ...stage.vitest, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]]
    : stage.commands ?? [stage.command]
  let code = 0
  for (let command of commands) {
    if (process.platform === 'win32') command = [join(bin, `${command[0]}.cmd`), ...command.slice(1)]
    if (stage.display && process.platform === 'linux' && which('xvfb-run') !== undefined) command = ['xvfb-run', '-a', '-s', SCREEN, ...command]
    if (stage.network === false) {
      const cut = loopbackOnly(command)
      if (!cut.isolated) say('no network namespace here: running on the real network')
      command = cut.command
    }
    code = Math.max(code, await execute(command, { env: context.env, minutes }))
  }
  if (!stage.vitest) return countPlain(code)
  return countVitest(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined, code)
}

async function everything(wanted) {
  const { total } = await import('./lib/tally.mjs')
  const { ensureTools } = await import('./lib/system.mjs')
  const { electronRuntime, runtimeEnv } = await import('./electron-runtime.mjs')
  const chosen = wanted.length === 0 ? stages : stages.filter((stage) => wanted.includes(stage.name))
  if (chosen.length === 0 || wanted.some((name) => !stages.some((stage) => stage.name === name))) {
    throw new Error(`stages are: ${stages.map((stage) => stage.name).join(' ')}`)
  }
  const start = performance.now()
  const missingTools = await ensureTools(['display', 'browser', 'network', 'phones', 'wireshark'], 'The whole suite')
  const runtime = await electronRuntime().catch((cause) => { say(String(cause.message)); return undefined })
  rmSync(results, { recursive: true, force: true })
  mkdirSync(results, { recursive: true })
  const context = { runtime, missingTools, failed: new Set(), env: toolEnv({ ...(runtime ? runtimeEnv(runtime) : {}), CI: '1', FORCE_COLOR: '0', NO_COLOR: '1' }) }
  const rows = []
  for (const stage of chosen) {
    console.log(`\n=== ${stage.name}`)
    const from = performance.now()
    const count = await runStage(stage, context).catch((cause) => { say(cause.message); return { passed: 0, failed: 1, skipped: 0 } })
    if (count.failed > 0) context.failed.add(stage.name)
    const row = { name: stage.name, count, seconds: (performance.now() - from) / 1000 }
    rows.push(row)
    console.log(`=== ${summary(row)}`)
  }
  console.log(`\n${rows.map((row) => summary(row)).join('\n')}`)
  const sum = total(rows.map((row) => row.count))
  console.log(`all stages: ${((performance.now() - start) / 1000).toFixed(0)} s`)
  console.log(`${sum.passed} passed, ${sum.failed} failed`)
  process.exitCode = sum.failed === 0 ? 0 : 1
}

const summary = ({ name, count, seconds }) => `${count.failed === 0 ? '✓' : '✗'} ${name}: ${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''} in ${seconds.toFixed(1)} s`

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    await prepareTools()
    await everything(process.argv.slice(2))
  })
}
