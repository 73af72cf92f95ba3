/**
 * Memory of this process in MiB after garbage was collected (node --expose-gc). As a last resort V8 also gives back the
 * pages it holds for more garbage, which says nothing about what is in use.
 */
export interface Memory { readonly rss: number; readonly heap: number }

export function collected(): Memory {
  const { gc } = globalThis as { gc?: (options: object) => void }
  if (gc === undefined) throw new Error('run with --expose-gc')
  for (let i = 0; i < 2; i++) gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  const { rss, heapUsed } = process.memoryUsage()
  return { rss: rss / 2 ** 20, heap: heapUsed / 2 ** 20 }
}
