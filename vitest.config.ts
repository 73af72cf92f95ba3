import { resolve } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const alias = { '@shared': resolve(import.meta.dirname, 'src-shared') }
/** Real processes, sockets and clocks: one file at a time. */
const serial = { environment: 'node' as const, fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 }

export default defineConfig({
  plugins: [vue()],
  resolve: { alias },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.{ts,mjs}', 'test/contract/**/*.test.ts', 'test/sim/**/*.test.ts'], environment: 'node', testTimeout: 30_000, hookTimeout: 60_000 } },
      { extends: true, test: { name: 'overlay', include: ['test/overlay/**/*.test.ts'], ...serial } },
      { extends: true, test: { name: 'interop', include: ['test/interop/**/*.test.ts'], ...serial } },
      { extends: true, test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...serial } },
    ],
  },
})
