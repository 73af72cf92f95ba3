#!/usr/bin/env node
// Brings a fresh clone to where it can run: dependencies, the project's Node, system libraries, Electron, the build.
// Each step looks first whether it is done already. Run alone it prepares everything: node scripts/prepare.mjs
import { continueInProjectNode, ensureDependencies } from './lib/dependencies.mjs'
import { say } from './lib/progress.mjs'

/** First half, on whatever Node there is. Imports nothing from node_modules. Returns in the project's Node. */
export async function prepareTools() {
  await ensureDependencies()
  await continueInProjectNode()
}

/** Second half: Electron (unless `headless`) and the build. */
export async function prepareApp({ headless = false } = {}) {
  const { ensureBuilt } = await import('./lib/build.mjs')
  const runtime = headless ? undefined : await (await import('./electron-runtime.mjs')).electronRuntime()
  await ensureBuilt()
  return { runtime }
}

/** Runs a script's main function; a failure is one message and exit code 1. */
export async function main(work) {
  try {
    await work()
  } catch (cause) {
    say(`\n${cause instanceof Error ? cause.message : String(cause)}`)
    process.exitCode = 1
  }
}

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    await prepareTools()
    const { runtime } = await prepareApp()
    say(`Ready: Electron ${runtime.version} (${runtime.kind}), Node ${process.versions.node}.`)
  })
}
