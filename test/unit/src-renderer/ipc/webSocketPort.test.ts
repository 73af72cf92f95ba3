// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from 'vitest'
import { takeToken } from '../../../../src-renderer/ipc/webSocketPort.ts'

describe('the token of a browser', () => {
  beforeEach(() => { sessionStorage.clear() })
  const page = (href: string): { location: Location; shown: string[]; history: History } => {
    const shown: string[] = []
    return { location: { href } as Location, shown, history: { replaceState: (_s: unknown, _t: string, url: string) => { shown.push(url) } } as unknown as History }
  }

  it('is taken out of the address and kept for the tab', () => {
    const p = page('http://127.0.0.1:8080/?token=abc#/chats')
    expect(takeToken(p.location, p.history, sessionStorage)).toBe('abc')
    expect(p.shown).toEqual(['http://127.0.0.1:8080/#/chats'])
    const again = page('http://127.0.0.1:8080/#/chats')
    expect(takeToken(again.location, again.history, sessionStorage)).toBe('abc')
    expect(again.shown).toEqual([])
  })

  it('is empty when none was given', () => {
    const p = page('http://127.0.0.1:8080/')
    expect(takeToken(p.location, p.history, sessionStorage)).toBe('')
  })
})
