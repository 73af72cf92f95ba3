#!/usr/bin/env node
// Runs a TypeScript program of this project (fuzzer, benchmarks, coverage of the RFCs) in the project's Node:
//   node scripts/tool.mjs [--node-option...] test/fuzz/main.ts ARGS...
// Node takes the types out by itself; nothing is built. Only for tools: what users run is built by electron-vite.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, toolEnv } from './lib/paths.mjs'
import { main, prepareTools } from './prepare.mjs'

/** What Node needs to run a file of this project. */
export const typescriptOptions = [
  '--experimental-transform-types', '--disable-warning=ExperimentalWarning', '--import', pathToFileURL(join(root, 'scripts/lib/typescript-hook.mjs')).href,
]

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    const args = process.argv.slice(2)
    const first = args.findIndex((arg) => !arg.startsWith('--'))
    if (first < 0) throw new Error('usage: node scripts/tool.mjs [--node-option...] FILE.ts ARGS...')
    await prepareTools()
    const child = spawn(process.execPath, [...typescriptOptions, ...args.slice(0, first), join(root, args[first]), ...args.slice(first + 1)], { stdio: 'inherit', cwd: root, env: toolEnv() })
    process.on('SIGINT', () => {}) // the terminal sends it to the child as well
    process.on('SIGTERM', () => { child.kill('SIGTERM') })
    child.on('exit', (code) => { process.exitCode = code ?? 1 })
  })
}
