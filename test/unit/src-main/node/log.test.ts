import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createNodeLog } from '../../../../src-main/node/log.ts'

describe('the log', () => {
  it('is one object a line in a file of mode 0600, without what is secret and below its level', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'log-'))
    try {
      const file = join(folder, 'sub', 'ringway.log')
      const { log, close } = createNodeLog({ to: file, level: 'info' })
      log.debug('hidden')
      log.child('enrolment').warn('refused', { code: 'invitation-used', password: 'hunter2', nested: { token: 'hunter3' }, cause: new Error('why') })
      close()
      close()
      const lines = (await readFile(file, 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatchObject({ level: 'warn', area: 'enrolment', msg: 'refused', code: 'invitation-used', password: '[removed]', nested: { token: '[removed]' }, cause: { message: 'why' } })
      expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    } finally { await rm(folder, { recursive: true }) }
  })
})
