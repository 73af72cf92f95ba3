import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { propertyTests, seedOf } from '../../../scripts/fuzz-ci.mjs'
import { inputStamp } from '../../../scripts/lib/build.mjs'
import { lockStamp, sameInstall } from '../../../scripts/lib/dependencies.mjs'
import { ringwayCommand } from '../../../scripts/lib/paths.mjs'
import { packagesForLdd } from '../../../scripts/lib/system.mjs'
import { countPlain, countVitest, total } from '../../../scripts/lib/tally.mjs'
import { hasDisplay, sandboxProblem } from '../../../scripts/start.mjs'

it('the command line starts with the options of its first line', () => {
  expect(execFileSync(ringwayCommand[0], [...ringwayCommand.slice(1, -1), '-p', 'process.execArgv[0]'], { encoding: 'utf8' })).toMatch(/^--max-semi-space-size=\d+$/m)
  expect(ringwayCommand.at(-1)).toMatch(/bin.ringway\.mjs$/)
})

describe('the sum of npm test', () => {
  const file = (status, ...tests) => ({ status, assertionResults: tests.map((test) => ({ status: test })) })

  it('counts tests', () => {
    expect(countVitest({ numPassedTests: 3, numFailedTests: 1, numPendingTests: 2, testResults: [file('failed', 'passed', 'failed'), file('passed', 'passed', 'passed')] }, 1))
      .toEqual({ passed: 3, failed: 1, skipped: 2 })
  })
  it('counts a file that does not load as one failure', () => {
    expect(countVitest({ numPassedTests: 1, numFailedTests: 0, testResults: [file('failed'), file('passed', 'passed')] }, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 })
  })
  it('counts a run that failed with no failed test as one failure', () => {
    expect(countVitest({ numPassedTests: 5, numFailedTests: 0, testResults: [] }, 1).failed).toBe(1)
    expect(countVitest({ numPassedTests: 0, numFailedTests: 0, testResults: [] }, 1).failed).toBe(1)
  })
  it('counts a crash without a report as one failure', () => { expect(countVitest(undefined, 134)).toEqual({ passed: 0, failed: 1, skipped: 0 }) })
  it('counts a stage without a test runner as one', () => {
    expect(total([countPlain(0), countPlain(2), { passed: 7, failed: 0, skipped: 1 }])).toEqual({ passed: 8, failed: 1, skipped: 1 })
  })
})

describe('the stage fuzz', () => {
  it('has a seed that comes from the code: the same for the same, another for other code', () => {
    expect(seedOf(['scripts/lib'])).toBe(seedOf(['scripts/lib']))
    expect(seedOf(['scripts/lib'])).not.toBe(seedOf(['scripts']))
    expect(Number.isSafeInteger(seedOf(['scripts'])) && seedOf(['scripts']) >= 0 && seedOf(['scripts']) < 2 ** 31).toBe(true)
  })
  it('runs the tests that take their inputs from fast-check, and no others', () => {
    expect(propertyTests()).toContain('test/unit/src-main/reload/link/framing.test.ts')
    expect(propertyTests()).not.toContain('test/unit/src-main/sip/message/framer.test.ts')
  })
})

describe('dependencies', () => {
  const lock = { packages: { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0', optional: true } } }

  it('are installed when npm recorded exactly those of the lock file', () => {
    expect(sameInstall(lock, { packages: { 'node_modules/a': { version: '1.0.0' } } })).toBe(true)
    expect(sameInstall(lock, { packages: { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0' } } })).toBe(true)
  })
  it('are not when one is missing, another version, or too many', () => {
    expect(sameInstall(lock, undefined)).toBe(false)
    expect(sameInstall(lock, { packages: {} })).toBe(false)
    expect(sameInstall(lock, { packages: { 'node_modules/a': { version: '1.0.1' } } })).toBe(false)
    expect(sameInstall(lock, { packages: { 'node_modules/a': { version: '1.0.0' }, 'node_modules/c': { version: '1.0.0' } } })).toBe(false)
  })
  it('are those of this platform', () => { expect(lockStamp('{}', 'linux-x64')).not.toBe(lockStamp('{}', 'darwin-arm64')) })
})

describe('system libraries', () => {
  it('are named by their packages, once', () => {
    const ldd = '\tlibgtk-3.so.0 => not found\n\tlibgdk-3.so.0 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x0)\n\tlibasound.so.2 => not found\n'
    expect(packagesForLdd(ldd)).toEqual(['libgtk-3-0', 'libasound2'])
  })
  it('are named as they are when no package is known', () => { expect(packagesForLdd('\tlibstrange.so.9 => not found\n')).toEqual(['libstrange.so.9']) })
})

describe('the build', () => {
  it('is stale when a source changes, comes or goes', () => {
    const dir = mkdtempSync(join(tmpdir(), 'ringway-stamp-'))
    try {
      mkdirSync(join(dir, 'src'))
      const file = join(dir, 'src/a.ts')
      writeFileSync(file, '1')
      const first = inputStamp(dir, ['src', 'missing.json'])
      expect(inputStamp(dir, ['src', 'missing.json'])).toBe(first)
      utimesSync(file, 1, 1)
      const second = inputStamp(dir, ['src', 'missing.json'])
      expect(second).not.toBe(first)
      writeFileSync(join(dir, 'src/b.ts'), '')
      expect(inputStamp(dir, ['src', 'missing.json'])).not.toBe(second)
    } finally { rmSync(dir, { recursive: true }) }
  })
})

describe('npm start', () => {
  it('looks for a display on Linux only', () => {
    expect(hasDisplay({}, 'linux')).toBe(false)
    expect(hasDisplay({ DISPLAY: ':0' }, 'linux')).toBe(true)
    expect(hasDisplay({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux')).toBe(true)
    expect(hasDisplay({}, 'darwin')).toBe(true)
  })
  it('says that root has no sandbox', () => {
    expect(sandboxProblem('/nowhere', { platform: 'linux', uid: 0 })).toMatch(/--no-sandbox/)
    expect(sandboxProblem('/nowhere', { platform: 'darwin', uid: 501 })).toBeUndefined()
  })
})
