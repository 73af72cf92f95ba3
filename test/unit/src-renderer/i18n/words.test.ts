// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest'
import { errorCodes } from '@shared/errorCodes.ts'
import { callEnd } from '@shared/model/index.ts'
import { en } from '../../../../src-renderer/i18n/en.ts'
import { i18n } from '../../../../src-renderer/i18n/index.ts'
import { endWords, errorWords, outcomeWords, warningWords } from '../../../../src-renderer/i18n/words.ts'

const sources = import.meta.glob('../../../../src-renderer/**/*.{vue,ts}', { query: '?raw', import: 'default', eager: true }) as Record<string, string>
const { t, te } = i18n.global as unknown as { t: (key: string, values?: Record<string, unknown>) => string; te: (key: string) => boolean }

function leaves(node: object, path = ''): [string, string][] {
  return Object.entries(node).flatMap(([key, value]) => (typeof value === 'string' ? [[`${path}${key}`, value] as [string, string]] : leaves(value as object, `${path}${key}.`)))
}
const has = (key: string): boolean => key.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], en) !== undefined

describe('words', () => {
  it('says of every error code what happened and what to do', () => {
    for (const code of errorCodes) {
      const words = errorWords(code, t)
      expect(words.title, code).toMatch(/^[A-Z].*[.]$/)
      expect(words.text, code).toMatch(/[.]$/)
    }
  })

  it('takes an error code of a newer peer for an internal error', () => {
    expect(errorWords('something-new', t)).toEqual(errorWords('internal', t))
    expect(errorWords(null, t).title).toBe(en.errors.internal.what)
  })

  it('has words for every end of a call, with the name of the other side', () => {
    for (const end of callEnd.options) expect(endWords({ end }, 'Bob', t).title, end).not.toMatch(/[{}]|callEnd/)
    expect(endWords({ end: 'call-busy' }, 'Bob', t).title).toBe('Bob is in another call')
  })

  it('tells answered calls by direction and the others by outcome', () => {
    expect(outcomeWords({ outcome: 'answered', direction: 'in', end: 'hung-up' }, t)).toBe('Incoming')
    expect(outcomeWords({ outcome: 'missed', direction: 'in', end: 'missed' }, t)).toBe('Missed')
  })

  it('puts a warning into its own words, those of its error code, or the peer’s', () => {
    expect(warningWords({ code: 'port-changed', detail: 'port 7000' }, t, te).text).toContain('port 7000')
    expect(warningWords({ code: 'clock-wrong', detail: '' }, t, te).title).toBe(en.errors['clock-wrong'].what)
    expect(warningWords({ code: 'brand-new', detail: 'As the peer says' }, t, te)).toEqual({ title: 'As the peer says', text: '' })
  })

  it('compiles every message', () => {
    for (const [key, message] of leaves(en)) {
      if (message === '') continue
      const said = t(key, { n: 2, name: 'N', aor: 'A', overlay: 'O', time: 'T', seconds: 1, words: 'W', address: 'X', date: 'D', state: 'S', version: 'V', example: 'E', index: 1, count: 2, relation: 'R', rtt: 'M', detail: 'Z' })
      expect(said, key).not.toBe(key)
      expect(said, key).not.toMatch(/[{}|]/)
    }
  })

  it('has every key that a screen asks for', () => {
    const asked = Object.entries(sources).flatMap(([file, text]) => [...text.matchAll(/\bt\('([a-zA-Z][\w.-]+)'/g)].map((m) => [file, m[1] ?? '']))
    expect(asked.length).toBeGreaterThan(150)
    for (const [file, key] of asked) expect(has(key ?? ''), `${file}: ${key}`).toBe(true)
  })
})
