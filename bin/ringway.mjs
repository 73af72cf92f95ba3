#!/usr/bin/env node
import { existsSync } from 'node:fs'

const built = new URL('../out/main/ringway.mjs', import.meta.url)
if (!existsSync(built)) {
  console.error('ringway: not built yet. Run `npm start`, `npm test` or `npm run build` first.')
  process.exit(1)
}
await import(built.href)
