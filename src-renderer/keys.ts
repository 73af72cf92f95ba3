/**
 * The keyboard: one table of deeds and keys, read by the handler and by the list of shortcuts. Modifiers are
 * exact; single letters work only outside text fields. Ctrl is Command on macOS.
 */
export type Deed =
  | 'new' | 'search' | 'chats' | 'calls' | 'contacts' | 'network' | 'settings' | 'nextRegion' | 'previousRegion'
  | 'previousChat' | 'nextChat' | 'shortcuts' | 'call' | 'answer' | 'decline' | 'hangup' | 'mute' | 'muteShort'

export interface Key { deed: Deed; key: string; ctrl?: boolean; shift?: boolean; alt?: boolean; bare?: boolean }

export const keymap: readonly Key[] = [
  { deed: 'search', key: 'k', ctrl: true }, { deed: 'search', key: 'f', ctrl: true }, { deed: 'new', key: 'n', ctrl: true },
  { deed: 'chats', key: '1', ctrl: true }, { deed: 'calls', key: '2', ctrl: true }, { deed: 'contacts', key: '3', ctrl: true },
  { deed: 'network', key: '4', ctrl: true }, { deed: 'settings', key: '5', ctrl: true }, { deed: 'settings', key: ',', ctrl: true },
  { deed: 'nextRegion', key: 'F6' }, { deed: 'previousRegion', key: 'F6', shift: true },
  { deed: 'previousChat', key: 'ArrowUp', alt: true }, { deed: 'nextChat', key: 'ArrowDown', alt: true },
  { deed: 'call', key: 'c', ctrl: true, shift: true }, { deed: 'answer', key: 'a', ctrl: true, shift: true },
  { deed: 'decline', key: 'd', ctrl: true, shift: true }, { deed: 'hangup', key: 'e', ctrl: true, shift: true },
  { deed: 'mute', key: 'm', ctrl: true, shift: true }, { deed: 'muteShort', key: 'm', bare: true },
  { deed: 'shortcuts', key: 'F1' }, { deed: 'shortcuts', key: '?', bare: true },
]

export const isMac = (): boolean => /Mac/.test(navigator.platform)

/** The key as it stands on the keyboard, for the list. */
export function keyCaps(key: Key, mac: boolean): string[] {
  const named: Record<string, string> = { ArrowUp: '↑', ArrowDown: '↓' }
  return [
    ...(key.ctrl === true ? [mac ? '⌘' : 'Ctrl'] : []), ...(key.alt === true ? [mac ? '⌥' : 'Alt'] : []),
    ...(key.shift === true ? [mac ? '⇧' : 'Shift'] : []), named[key.key] ?? (key.key.length === 1 ? key.key.toUpperCase() : key.key),
  ]
}

export function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
}

export function deedOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>, inText: boolean, mac: boolean): Deed | undefined {
  const command = mac ? event.metaKey : event.ctrlKey
  const other = mac ? event.ctrlKey : event.metaKey
  const found = keymap.find((key) => key.key.toLowerCase() === event.key.toLowerCase()
    && (key.ctrl ?? false) === command && !other && (key.alt ?? false) === event.altKey
    && (key.bare === true || (key.shift ?? false) === event.shiftKey))
  return found?.bare === true && inText ? undefined : found?.deed
}
