import { describe, expect, it } from 'vitest'
import { deedOf, keyCaps, keymap } from '../../../src-renderer/keys.ts'

const press = (key: string, part: Partial<Record<'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey', boolean>> = {}) =>
  ({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...part })

describe('keymap', () => {
  it('answers, declines, hangs up and mutes with Ctrl+Shift', () => {
    for (const [key, deed] of [['A', 'answer'], ['D', 'decline'], ['E', 'hangup'], ['M', 'mute']]) {
      expect(deedOf(press(key ?? '', { ctrlKey: true, shiftKey: true }), true, false)).toBe(deed)
    }
  })
  it('takes single letters only outside of text fields', () => {
    expect(deedOf(press('m'), false, false)).toBe('muteShort')
    expect(deedOf(press('m'), true, false)).toBeUndefined()
    expect(deedOf(press('?', { shiftKey: true }), false, false)).toBe('shortcuts')
  })
  it('wants the modifiers exactly', () => {
    expect(deedOf(press('k', { ctrlKey: true }), true, false)).toBe('search')
    expect(deedOf(press('k', { ctrlKey: true, altKey: true }), false, false)).toBeUndefined()
    expect(deedOf(press('1'), false, false)).toBeUndefined()
  })
  it('uses Command on macOS', () => {
    expect(deedOf(press('k', { metaKey: true }), false, true)).toBe('search')
    expect(deedOf(press('k', { ctrlKey: true }), false, true)).toBeUndefined()
    expect(keyCaps({ deed: 'hangup', key: 'e', ctrl: true, shift: true }, true)).toEqual(['⌘', '⇧', 'E'])
  })
  it('has no key twice', () => {
    const seen = keymap.map((k) => keyCaps(k, false).join('+'))
    expect(new Set(seen).size).toBe(seen.length)
  })
})
