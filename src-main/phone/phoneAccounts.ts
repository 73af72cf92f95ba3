/**
 * The ordinary SIP phones that may log in at this peer: user names and generated passwords, of which only the
 * digests are kept (RFC 8760). Every phone speaks for the peer's owner (docs/decisions/0005-phones-share-their-owners-address.md).
 */
import { PeerError } from '../base/errors.ts'
import type { Random } from '../ports/random.ts'
import { type DigestAlgorithm, type DigestHashes, digestSecret } from '../sip/auth/digest.ts'

export interface PhoneAccountRecord {
  readonly userName: string
  readonly displayName: string
  /** Name of the overlay, which is the realm of the digests. */
  readonly realm: string
  /** H(userName:realm:password), hexadecimal. */
  readonly sha256: string
  readonly md5: string
  /** The phone looks at the first challenge only, and knows nothing but MD5. */
  readonly md5First: boolean
  readonly createdAt: number
}

export interface PhoneAccountStore {
  all(): readonly PhoneAccountRecord[]
  get(userName: string): PhoneAccountRecord | undefined
  put(account: PhoneAccountRecord): void
  remove(userName: string): void
}

/** Without letters and digits that are read as one another. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'
const GROUPS = 4, GROUP_LENGTH = 4
const MAX_ACCOUNTS = 200

export class PhoneAccounts {
  constructor(private readonly deps: {
    readonly random: Random
    readonly hashes: DigestHashes
    readonly store: PhoneAccountStore
    /** Name of the overlay. */
    readonly realm: string
    now(): number
    /** The owner's address of record. */
    owner(): string
  }) {}

  get realm(): string { return this.deps.realm }

  list(): readonly PhoneAccountRecord[] { return this.deps.store.all().filter((account) => account.realm === this.deps.realm) }

  get(userName: string): PhoneAccountRecord | undefined {
    const account = this.deps.store.get(userName.toLowerCase())
    return account?.realm === this.deps.realm ? account : undefined
  }

  /** @returns the password too, which nobody can read again. @throws PeerError 'name-invalid', 'name-taken', 'too-many-requests' */
  add(name: string, displayName = '', md5First = false): { readonly account: PhoneAccountRecord; readonly password: string } {
    const userName = name.trim().toLowerCase()
    if (!/^[a-z0-9][a-z0-9._-]{0,31}$/.test(userName)) throw new PeerError('name-invalid', 'letters, digits, dots, dashes and underscores, 32 at most')
    if (this.deps.store.get(userName) !== undefined) throw new PeerError('name-taken', `there is a phone ${userName} already`)
    if (this.deps.store.all().length >= MAX_ACCOUNTS) throw new PeerError('too-many-requests', `${MAX_ACCOUNTS} phones are enough`)
    const password = this.password()
    const digest = (algorithm: DigestAlgorithm): string => digestSecret(this.deps.hashes, algorithm, userName, this.deps.realm, password)
    const account = { userName, displayName, realm: this.deps.realm, sha256: digest('SHA-256'), md5: digest('MD5'), md5First, createdAt: this.deps.now() }
    this.deps.store.put(account)
    return { account, password }
  }

  /** @throws PeerError 'phone-unknown' */
  remove(name: string): void {
    const account = this.get(name.trim())
    if (account === undefined) throw new PeerError('phone-unknown', `there is no phone ${name}`)
    this.deps.store.remove(account.userName)
  }

  /** AccountSecrets of `sip/auth`. */
  secret(userName: string, algorithm: DigestAlgorithm): string | undefined {
    const account = this.get(userName)
    // the digest is over the name as the phone writes it
    if (account?.userName !== userName) return undefined
    return algorithm === 'MD5' ? account.md5 : account.sha256
  }

  wantsMd5First(userName: string): boolean { return this.get(userName)?.md5First === true }

  /** A phone may register, and write into From, its own name or its owner's, in whatever domain means this peer. */
  authorise(account: string, aor: string): string | undefined {
    const user = aor.slice(0, Math.max(0, aor.lastIndexOf('@')))
    const owner = this.deps.owner()
    if (user.toLowerCase() === account.toLowerCase()) return `${account.toLowerCase()}@${this.deps.realm}`
    return user === owner.slice(0, owner.lastIndexOf('@')) ? owner : undefined
  }

  speaksFor(account: string, aor: string): boolean { return this.authorise(account, aor) !== undefined }

  /** 79 bits. */
  private password(): string {
    let out = ''
    while (out.replaceAll('-', '').length < GROUPS * GROUP_LENGTH) {
      const [byte = 255] = this.deps.random.bytes(1)
      if (byte >= 256 - (256 % LETTERS.length)) continue // all letters equally likely
      if (out !== '' && out.replaceAll('-', '').length % GROUP_LENGTH === 0 && !out.endsWith('-')) out += '-'
      out += LETTERS[byte % LETTERS.length] ?? ''
    }
    return out
  }
}
