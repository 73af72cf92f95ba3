/** Leaves something to look at when a test failed: pictures of the pages, and what the peers have logged. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { root } from '../../support/environment.ts'
import type { Phone } from './phone.ts'

export function keepEvidence(phones: () => Record<string, { phone: Phone | undefined; log: string }>): void {
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return
    const folder = join(root, 'test-results', task.name.replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 60))
    mkdirSync(folder, { recursive: true })
    for (const [name, { phone, log }] of Object.entries(phones())) {
      writeFileSync(join(folder, `${name}.log`), log)
      if (phone !== undefined && !phone.page.isClosed()) await phone.page.screenshot({ path: join(folder, `${name}.png`) }).catch((cause: unknown) => { writeFileSync(join(folder, `${name}.png.txt`), String(cause)) })
    }
    console.error(`what the pages showed: ${folder}`)
  })
}
