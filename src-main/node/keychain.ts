/**
 * `ports/keychain` as files: one secret a file of mode 0600 in a folder of mode 0700, written beside its place and
 * renamed into it, so that a crash leaves the old secret or the new one and never half of one.
 */
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { PeerError } from '../base/errors.ts'
import type { Keychain } from '../ports/keychain.ts'

const maxSecretBytes = 1 << 20

/** How the bytes of a file are sealed; the desktop's keyring gives its own, plain files none. */
export interface Sealer {
  readonly protection: Keychain['protection']
  seal(secret: Uint8Array): Uint8Array
  /** @throws when the sealed bytes cannot be opened. */
  open(sealed: Uint8Array): Uint8Array
}

const unsealed: Sealer = { protection: 'file', seal: (secret) => secret, open: (sealed) => sealed }

/** @param folder is made when it is not there. */
export function createFileKeychain(folder: string, sealer: Sealer = unsealed): Keychain {
  const fileOf = (name: string): string => {
    // A name is the program's own, yet it must never reach out of the folder.
    if (!/^[A-Za-z0-9@._-]{1,200}$/.test(name) || name.startsWith('.')) throw new PeerError('invalid-argument', 'name of a secret')
    return join(folder, `${name}.key`)
  }
  const unreadable = (name: string, cause: unknown): PeerError =>
    new PeerError('key-unreadable', `the secret ${name} cannot be read: ${(cause as Error).message}`, { cause })
  return {
    protection: sealer.protection,
    async load(name) {
      let bytes: Buffer
      try {
        bytes = await readFile(fileOf(name))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw unreadable(name, cause)
      }
      if (bytes.length === 0 || bytes.length > maxSecretBytes) throw unreadable(name, new Error(`${bytes.length} bytes`))
      try {
        return new Uint8Array(sealer.open(new Uint8Array(bytes)))
      } catch (cause) { throw unreadable(name, cause) }
    },
    async save(name, secret) {
      const file = fileOf(name), beside = `${file}.${randomBytes(6).toString('hex')}.new`
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await chmod(folder, 0o700)
      try {
        const handle = await open(beside, 'wx', 0o600)
        try {
          await handle.writeFile(sealer.seal(secret))
          await handle.sync()
        } finally { await handle.close() }
        await rename(beside, file)
      } catch (cause) {
        await rm(beside, { force: true })
        if ((cause as NodeJS.ErrnoException).code === 'ENOSPC') throw new PeerError('disk-full', 'no space left to keep the key', { cause })
        throw cause
      }
    },
    async remove(name) { await rm(fileOf(name), { force: true }) },
  }
}
