/** Where the checkout is, and the environment that programs under test are started with. */
import { resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')
export const plainEnv = (): Record<string, string> => ({ ...(process.env as Record<string, string>), LANG: 'C.UTF-8', TZ: 'UTC' })
