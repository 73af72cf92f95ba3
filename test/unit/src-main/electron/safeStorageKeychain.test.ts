import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDesktopKeychain, keyringUsable } from '../../../../src-main/electron/safeStorageKeychain.ts'
import { createFileKeychain } from '../../../../src-main/node/keychain.ts'

let folder: string
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'ringway-keys-')) })
afterEach(() => { rmSync(folder, { recursive: true, force: true }) })

/** A keyring that turns bits over, and refuses what it has not sealed. */
const keyring = {
  isEncryptionAvailable: () => true,
  getSelectedStorageBackend: () => 'gnome_libsecret',
  encryptString: (text: string) => Buffer.concat([Buffer.from('v11'), Buffer.from(text).map((byte) => byte ^ 0x5a)]),
  decryptString: (bytes: Buffer) => {
    if (bytes.subarray(0, 3).toString() !== 'v11') throw new Error('not sealed by this keyring')
    return Buffer.from(bytes.subarray(3).map((byte) => byte ^ 0x5a)).toString()
  },
} as unknown as Parameters<typeof keyringUsable>[0]

const secret = new Uint8Array([0, 1, 2, 250, 255])
const open = (usable: boolean) => createDesktopKeychain(createFileKeychain(folder), join(folder, 'sealed'), keyring, usable)

describe('the keychain of the desktop', () => {
  it('seals secrets and opens them again', async () => {
    const keychain = open(true)
    await keychain.save('node', secret)
    expect(keychain.protection).toBe('keyring')
    expect(await keychain.load('node')).toEqual(secret)
    const file = join(folder, 'sealed', readdirSync(join(folder, 'sealed'))[0] ?? '')
    expect(readFileSync(file).includes(Buffer.from(secret))).toBe(false)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('says that secrets are files where there is no keyring', async () => {
    const keychain = open(false)
    await keychain.save('node', secret)
    expect(keychain.protection).toBe('file')
    expect(await keychain.load('node')).toEqual(secret)
    expect(await keychain.load('other')).toBeUndefined()
  })

  it('seals an unsealed secret when a keyring has come', async () => {
    await open(false).save('node', secret)
    expect(await open(true).load('node')).toEqual(secret)
    expect(await createFileKeychain(folder).load('node')).toBeUndefined()
    expect(await open(true).load('node')).toEqual(secret)
  })

  it('does not take a sealed secret for none when the keyring is gone', async () => {
    await open(true).save('node', secret)
    await expect(open(false).load('node')).rejects.toMatchObject({ code: 'key-unreadable' })
  })

  it('removes a secret in both places', async () => {
    const keychain = open(true)
    await keychain.save('node', secret)
    await keychain.remove('node')
    expect(await keychain.load('node')).toBeUndefined()
  })

  it('does not count the fixed password that Chromium falls back to', () => {
    const backend = (name: string, available = true) => ({ ...keyring, isEncryptionAvailable: () => available, getSelectedStorageBackend: () => name }) as never
    expect(keyringUsable(backend('basic_text'), 'linux')).toBe(false)
    expect(keyringUsable(backend('unknown'), 'linux')).toBe(false)
    expect(keyringUsable(backend('kwallet6'), 'linux')).toBe(true)
    expect(keyringUsable(backend('unknown'), 'darwin')).toBe(true)
    expect(keyringUsable(backend('gnome_libsecret', false), 'linux')).toBe(false)
  })
})
