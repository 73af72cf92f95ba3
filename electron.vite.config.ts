import { resolve } from 'node:path'
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'electron-vite'

const r = (path: string): string => resolve(import.meta.dirname, path)
const alias = { '@shared': r('src-shared') }

// The targets are the oldest runtime the output must run in: Electron 33 (Node 20.18, Chromium 130).
// `dependencies` of package.json (better-sqlite3 only) stay external; everything else is bundled.
export default defineConfig({
  main: {
    resolve: { alias },
    build: {
      outDir: 'out/main',
      target: 'node20.18',
      rollupOptions: {
        input: { index: r('src-main/electron/index.ts'), ringway: r('src-main/cli/main.ts') },
        output: { format: 'es', entryFileNames: '[name].mjs', chunkFileNames: 'chunk-[name]-[hash].mjs' },
      },
    },
  },
  preload: {
    resolve: { alias },
    build: {
      outDir: 'out/preload',
      target: 'node20.18',
      externalizeDeps: false, // a sandboxed preload is one self-contained CommonJS file
      rollupOptions: {
        input: { index: r('src-main/electron/preload.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: r('src-renderer'),
    base: './',
    resolve: { alias },
    plugins: [vue(), tailwindcss()],
    build: {
      outDir: r('out/renderer'),
      emptyOutDir: true,
      minify: true,
      target: 'chrome130',
      rollupOptions: { input: r('src-renderer/index.html') },
    },
  },
})
