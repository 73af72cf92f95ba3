/** Resident memory in MiB after garbage was collected (node --expose-gc). */
export function collected(): number {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) throw new Error('run with --expose-gc')
  gc()
  gc()
  return process.memoryUsage.rss() / 2 ** 20
}
