/** better-sqlite3 hands out Buffers; the core knows Uint8Arrays only. Shares the memory. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
