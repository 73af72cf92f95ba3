/** Chance as the core sees it: unpredictable in the product (a CSPRNG), seeded in tests. */
export interface Random {
  bytes(length: number): Uint8Array
}
