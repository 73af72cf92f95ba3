/** Names of the few messages between preload and main. */
export const channels = {
  /** window → main: a page has loaded and wants a door to the peer */
  open: 'ringway:open',
  /** both ways: one JSON-RPC object */
  frame: 'ringway:frame',
  /** main → window: the peer is gone */
  close: 'ringway:close',
  /** window → main: for the main window */
  relay: 'ringway:relay',
  /** main → window */
  command: 'ringway:command',
} as const

export const viewArgument = '--ringway-view='
export type View = 'main' | 'incoming'
