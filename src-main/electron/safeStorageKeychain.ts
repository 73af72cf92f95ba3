/**
 * `ports/keychain` sealed with a key of the desktop's keyring (Electron's safeStorage). Where the desktop has no
 * real keyring the secrets are files of mode 0600, and `protection` says so. A secret that was kept as a file is
 * sealed when a keyring comes; one that was sealed cannot be read without.
 */
import type { SafeStorage } from 'electron'
import { PeerError } from '../base/errors.ts'
import { createFileKeychain } from '../node/keychain.ts'
import type { Keychain } from '../ports/keychain.ts'

/** basic_text is a password that every copy of Chromium knows: no protection, so it does not count. */
export function keyringUsable(storage: SafeStorage, platform: NodeJS.Platform = process.platform): boolean {
  if (!storage.isEncryptionAvailable()) return false
  return platform !== 'linux' || !['basic_text', 'unknown'].includes(storage.getSelectedStorageBackend())
}

/** @param plain the file keychain of the profile; @param folder where sealed secrets go */
export function createDesktopKeychain(plain: Keychain, folder: string, storage: SafeStorage, usable = keyringUsable(storage)): Keychain {
  const sealed = createFileKeychain(folder, {
    protection: 'keyring',
    seal: (secret) => new Uint8Array(storage.encryptString(Buffer.from(secret).toString('base64'))),
    open: (bytes) => new Uint8Array(Buffer.from(storage.decryptString(Buffer.from(bytes)), 'base64')),
  })
  if (!usable) {
    return {
      protection: 'file',
      save: (name, secret) => plain.save(name, secret),
      remove: (name) => plain.remove(name),
      async load(name) {
        const found = await plain.load(name)
        if (found !== undefined) return found
        if (!(await exists(sealed, name))) return undefined
        throw new PeerError('key-unreadable', `${name} is sealed with the keyring of the desktop, and there is none now`)
      },
    }
  }
  return {
    protection: 'keyring',
    async load(name) {
      const found = await sealed.load(name)
      if (found !== undefined) return found
      const open = await plain.load(name)
      if (open === undefined) return undefined
      await sealed.save(name, open)
      await plain.remove(name)
      return open
    },
    async save(name, secret) {
      await sealed.save(name, secret)
      await plain.remove(name)
    },
    async remove(name) {
      await sealed.remove(name)
      await plain.remove(name)
    },
  }
}

async function exists(keychain: Keychain, name: string): Promise<boolean> {
  try {
    return (await keychain.load(name)) !== undefined
  } catch (cause) {
    if (cause instanceof PeerError && cause.code === 'key-unreadable') return true
    throw cause
  }
}
