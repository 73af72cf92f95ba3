#!/usr/bin/env -S node --max-semi-space-size=4
// With so little room for young objects, collecting them stops a server for two milliseconds and not for sixteen
// (docs/performance.md, *Memory*).
import { existsSync } from 'node:fs'

const built = new URL('../out/main/ringway.mjs', import.meta.url)
if (!existsSync(built)) {
  console.error('ringway: not built yet. Run `npm start`, `npm test` or `npm run build` first.')
  process.exit(1)
}
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 13)) {
  // The database would bring an older Node down without a word.
  const { continueInProjectNode } = await import('../scripts/lib/dependencies.mjs')
  await continueInProjectNode().catch((cause) => {
    console.error(`ringway: ${cause.message}`)
    process.exit(1)
  })
}
await import(built.href)
