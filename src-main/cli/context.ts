import type { Output } from './output.ts'

/** What every command is given. */
export interface Context { readonly profile: string; readonly output: Output }
