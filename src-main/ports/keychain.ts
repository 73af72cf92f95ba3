/** Keeps small secrets (private keys) of one profile. */
export interface Keychain {
  /** 'keyring': sealed with a key of the desktop's keyring. 'file': a file of mode 0600, which the user is told. */
  readonly protection: 'keyring' | 'file'
  /** undefined when there is none. @throws PeerError 'key-unreadable' when it is there but cannot be opened. */
  load(name: string): Promise<Uint8Array | undefined>
  save(name: string, secret: Uint8Array): Promise<void>
  remove(name: string): Promise<void>
}
