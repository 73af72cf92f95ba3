/** What the fuzzer and its thread tell each other. */
export const MAX_INPUT = 65_536

export interface Job { readonly target: string; readonly seconds: number; readonly seed: number; readonly shared: SharedArrayBuffer }
export interface Found { readonly kind: 'crash' | 'new'; readonly bytes: Uint8Array; readonly text: string }
export interface Done { readonly kind: 'done'; readonly inputs: number; readonly accepted: number; readonly behaviours: number; readonly slowestMs: number }
