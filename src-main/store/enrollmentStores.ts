/** The identity of the profile and the records of the organiser's authority, on SQLite: `enrollment/stores`. */
import type { AuthorityRecord, AuthorityStore, EnrolledDevice, IdentityRecord, IdentityStore, InvitationRecord } from '../enrollment/stores.ts'
import { plainBytes } from './bytes.ts'
import type { Database } from './database.ts'

interface IdentityRow {
  overlay_name: string, user_name: string, display_name: string, certificate: Uint8Array, document: Uint8Array, key_name: string, enrolment_url: string
}

export class SqliteIdentityStore implements IdentityStore {
  private readonly statements

  constructor(private readonly database: Database) {
    this.statements = {
      load: database.prepare<IdentityRow>('SELECT * FROM identity'),
      chain: database.prepare<{ certificate: Uint8Array }>('SELECT certificate FROM identity_chain ORDER BY position'),
      put: database.prepare('INSERT INTO identity VALUES (1, ?, ?, ?, ?, ?, ?, ?)'),
      putChain: database.prepare('INSERT INTO identity_chain VALUES (?, ?)'),
      remove: database.prepare('DELETE FROM identity'),
      removeChain: database.prepare('DELETE FROM identity_chain'),
    }
  }

  load(): IdentityRecord | undefined {
    const row = this.statements.load.get()
    return row && {
      overlayName: row.overlay_name, userName: row.user_name, displayName: row.display_name,
      certificate: plainBytes(row.certificate), chain: this.statements.chain.all().map((link) => plainBytes(link.certificate)),
      document: plainBytes(row.document), keyName: row.key_name, enrolmentUrl: row.enrolment_url,
    }
  }

  save(identity: IdentityRecord): void {
    this.database.transaction(() => {
      this.remove()
      this.statements.put.run(identity.overlayName, identity.userName, identity.displayName, identity.certificate,
        identity.document, identity.keyName, identity.enrolmentUrl)
      for (const [position, certificate] of identity.chain.entries()) this.statements.putChain.run(position, certificate)
    })
  }

  remove(): void {
    this.database.transaction(() => {
      this.statements.remove.run()
      this.statements.removeChain.run()
    })
  }
}

interface AuthorityRow { overlay_name: string, root_certificate: Uint8Array, key_name: string, document: Uint8Array, enrolment_url: string }
interface DeviceRow { user_name: string, node_ids: string, certificate: Uint8Array, enrolled_at: number }
interface InvitationRow {
  id: string, user_name: string, code_hash: string, created_at: number, expires_at: number, used_at: number | null, revoked_at: number | null, another_device: number
}

export class SqliteAuthorityStore implements AuthorityStore {
  private readonly statements

  constructor(private readonly database: Database) {
    const invitation = 'id, user_name, code_hash, created_at, expires_at, used_at, revoked_at, another_device'
    this.statements = {
      load: database.prepare<AuthorityRow>('SELECT * FROM authority'),
      save: database.prepare('INSERT OR REPLACE INTO authority VALUES (1, ?, ?, ?, ?, ?)'),
      devicesOf: database.prepare<DeviceRow>('SELECT * FROM enrolled_device WHERE user_name = ? ORDER BY position'),
      devices: database.prepare<DeviceRow>('SELECT * FROM enrolled_device ORDER BY position'),
      putDevice: database.prepare(`INSERT INTO enrolled_device (user_name, node_id, node_ids, certificate, enrolled_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (node_id)
        DO UPDATE SET user_name = excluded.user_name, node_ids = excluded.node_ids, certificate = excluded.certificate, enrolled_at = excluded.enrolled_at`),
      invitations: database.prepare<InvitationRow>(`SELECT ${invitation} FROM invitation ORDER BY created_at DESC, position`),
      invitationByHash: database.prepare<InvitationRow>(`SELECT ${invitation} FROM invitation WHERE code_hash = ?`),
      addInvitation: database.prepare(`INSERT INTO invitation (${invitation}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
      revoke: database.prepare('UPDATE invitation SET revoked_at = ? WHERE id = ? AND used_at IS NULL AND revoked_at IS NULL'),
      use: database.prepare('UPDATE invitation SET used_at = ? WHERE id = ? AND used_at IS NULL AND revoked_at IS NULL'),
    }
  }

  load(): AuthorityRecord | undefined {
    const row = this.statements.load.get()
    return row && {
      overlayName: row.overlay_name, rootCertificate: plainBytes(row.root_certificate), keyName: row.key_name,
      document: plainBytes(row.document), enrolmentUrl: row.enrolment_url,
    }
  }

  save(authority: AuthorityRecord): void {
    this.statements.save.run(authority.overlayName, authority.rootCertificate, authority.keyName, authority.document, authority.enrolmentUrl)
  }

  devices(userName?: string): readonly EnrolledDevice[] {
    return (userName === undefined ? this.statements.devices.all() : this.statements.devicesOf.all(userName)).map(toDevice)
  }

  invitations(): readonly InvitationRecord[] {
    return this.statements.invitations.all().map(toInvitation)
  }

  invitationByHash(codeHash: string): InvitationRecord | undefined {
    const row = this.statements.invitationByHash.get(codeHash)
    return row && toInvitation(row)
  }

  addInvitation(invitation: InvitationRecord): void {
    this.statements.addInvitation.run(invitation.id, invitation.userName, invitation.codeHash, invitation.createdAt,
      invitation.expiresAt, invitation.usedAt ?? null, invitation.revokedAt ?? null, invitation.anotherDevice ? 1 : 0)
  }

  revokeInvitation(id: string, at: number): boolean {
    return this.statements.revoke.run(at, id) > 0
  }

  enrol(invitationId: string | undefined, device: EnrolledDevice): boolean {
    return this.database.transaction(() => {
      // Asking and marking are one statement: two requests with one code cannot both pass.
      if (invitationId !== undefined && this.statements.use.run(device.enrolledAt, invitationId) === 0) return false
      this.statements.putDevice.run(device.userName, device.nodeIds[0] ?? '', device.nodeIds.join(' '), device.certificate, device.enrolledAt)
      return true
    })
  }
}

function toDevice(row: DeviceRow): EnrolledDevice {
  return {
    userName: row.user_name, nodeIds: row.node_ids.split(' '),
    certificate: plainBytes(row.certificate), enrolledAt: row.enrolled_at,
  }
}

function toInvitation(row: InvitationRow): InvitationRecord {
  return {
    id: row.id, userName: row.user_name, codeHash: row.code_hash, createdAt: row.created_at, expiresAt: row.expires_at,
    usedAt: row.used_at ?? undefined, revokedAt: row.revoked_at ?? undefined, anotherDevice: row.another_device === 1,
  }
}
