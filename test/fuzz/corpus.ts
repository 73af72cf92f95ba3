/** The files of test/data/fuzz/TARGET: inputs that found something or behave in a way of their own, each once. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const corpusRoot = join(import.meta.dirname, '../data/fuzz')

export interface CorpusFile { readonly name: string; readonly bytes: Uint8Array }

export function readCorpus(target: string): readonly CorpusFile[] {
  const path = join(corpusRoot, target)
  if (!existsSync(path)) return []
  return readdirSync(path).filter((name) => name.endsWith('.bin')).sort().map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(path, name))) }))
}

/** Targets that have a folder. */
export function corpusFolders(): readonly string[] { return existsSync(corpusRoot) ? readdirSync(corpusRoot).sort() : [] }

/** @param folder has a folder for each target. @returns the path written, named by the content */
export function writeCorpus(target: string, kind: 'crash' | 'seed', bytes: Uint8Array, folder: string): string {
  const path = join(folder, target)
  mkdirSync(path, { recursive: true })
  const file = join(path, `${kind}-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.bin`)
  writeFileSync(file, bytes)
  return file
}
