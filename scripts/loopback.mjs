#!/usr/bin/env node
// Runs a command with a network of loopback only: node scripts/loopback.mjs COMMAND args...
import { spawnSync } from 'node:child_process'
import { toolEnv } from './lib/paths.mjs'
import { say } from './lib/progress.mjs'
import { loopbackOnly } from './lib/loopback.mjs'

const { command, isolated } = loopbackOnly(process.argv.slice(2))
if (!isolated) say('This system gives no network namespace: running on the real network.')
process.exitCode = spawnSync(command[0], command.slice(1), { stdio: 'inherit', env: toolEnv() }).status ?? 1
