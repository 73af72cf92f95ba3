import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFileKeychain } from '../../../../src-main/node/keychain.ts'

let folder = ''
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'keychain-')) })
afterEach(async () => { await rm(folder, { recursive: true, force: true }) })
const secret = Uint8Array.from([1, 2, 3])

describe('the key chain of files', () => {
  it('keeps a secret in a file of mode 0600 in a folder of mode 0700', async () => {
    await chmod(folder, 0o755)
    const keychain = createFileKeychain(join(folder, 'keys'))
    await keychain.save('identity-1', secret)
    expect(await keychain.load('identity-1')).toEqual(secret)
    expect(((await stat(join(folder, 'keys'))).mode & 0o777).toString(8)).toBe('700')
    expect(((await stat(join(folder, 'keys', 'identity-1.key'))).mode & 0o777).toString(8)).toBe('600')
    expect(keychain.protection).toBe('file')
  })
  it('knows nothing of what was never saved, or was removed', async () => {
    const keychain = createFileKeychain(folder)
    expect(await keychain.load('none')).toBeUndefined()
    await keychain.save('a', secret)
    await keychain.remove('a')
    await keychain.remove('a')
    expect(await keychain.load('a')).toBeUndefined()
  })
  it('replaces a secret whole and leaves no file beside it', async () => {
    const keychain = createFileKeychain(folder)
    await keychain.save('a', new Uint8Array(1_000))
    await keychain.save('a', secret)
    expect(await keychain.load('a')).toEqual(secret)
    expect(await readdir(folder)).toEqual(['a.key'])
  })
  it('key-unreadable when the file is empty, or the seal cannot be opened', async () => {
    await writeFile(join(folder, 'a.key'), '')
    await expect(createFileKeychain(folder).load('a')).rejects.toMatchObject({ code: 'key-unreadable' })
    const sealed = createFileKeychain(folder, { protection: 'keyring', seal: (bytes) => bytes.map((b) => b ^ 0x55), open: () => { throw new Error('no keyring') } })
    await sealed.save('b', secret)
    await expect(sealed.load('b')).rejects.toMatchObject({ code: 'key-unreadable' })
    expect(await createFileKeychain(folder).load('b')).toEqual(secret.map((b) => b ^ 0x55))
  })
  it('never reaches out of its folder', async () => {
    const keychain = createFileKeychain(folder)
    for (const name of ['../a', 'a/b', '', '.hidden', 'a\0b']) await expect(keychain.save(name, secret)).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})
