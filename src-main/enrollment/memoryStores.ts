/** The stores of enrolment in memory: for tests and for peers that keep nothing. */
import type { AuthorityRecord, AuthorityStore, EnrolledDevice, IdentityRecord, IdentityStore, InvitationRecord } from './stores.ts'

export function createMemoryIdentityStore(): IdentityStore {
  let record: IdentityRecord | undefined
  return { load: () => record, save: (next) => { record = next }, remove: () => { record = undefined } }
}

export function createMemoryAuthorityStore(): AuthorityStore {
  let record: AuthorityRecord | undefined
  const devices = new Map<string, EnrolledDevice>()
  const invitations = new Map<string, InvitationRecord>()
  const open = (id: string): InvitationRecord | undefined => {
    const found = invitations.get(id)
    return found?.usedAt === undefined && found?.revokedAt === undefined ? found : undefined
  }
  return {
    load: () => record,
    save: (next) => { record = next },
    devices: (name) => [...devices.values()].filter(({ userName }) => name === undefined || userName === name),
    invitations: () => [...invitations.values()].sort((a, b) => b.createdAt - a.createdAt),
    invitationByHash: (hash) => [...invitations.values()].find(({ codeHash }) => codeHash === hash),
    addInvitation: (invitation) => { invitations.set(invitation.id, invitation) },
    revokeInvitation(id, at) {
      const found = open(id)
      if (found !== undefined) invitations.set(id, { ...found, revokedAt: at })
      return found !== undefined
    },
    enrol(id, device) {
      if (id !== undefined) {
        const found = open(id)
        if (found === undefined) return false
        invitations.set(id, { ...found, usedAt: device.enrolledAt })
      }
      devices.set(device.nodeIds[0] ?? '', device)
      return true
    },
  }
}
