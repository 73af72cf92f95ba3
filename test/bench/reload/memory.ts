/** Memory of this process in MiB after garbage was collected (node --expose-gc). */
export interface Memory { readonly rss: number; readonly heap: number }

export function collected(): Memory {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) throw new Error('run with --expose-gc')
  gc()
  gc()
  const { rss, heapUsed } = process.memoryUsage()
  return { rss: rss / 2 ** 20, heap: heapUsed / 2 ** 20 }
}
