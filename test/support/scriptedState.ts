/** States for the scripted peer: nothing yet, and an office on an ordinary day. Node-IDs and fingerprints are made up. */
import { defaultSettings, type AccountView, type ContactView, type HistoryEntry, type MessageView, type NeighbourView, type PhoneView } from '@shared/model/index.ts'
import type { State } from '@shared/ipc/contract.ts'

export interface Scenario { state: State; messages: MessageView[] }

const minute = 60_000, hour = 60 * minute, day = 24 * hour

export function ownAccount(of: { name: string; userName: string; displayName: string; open: boolean; organiser: boolean }): AccountView {
  return {
    overlay: { name: of.name, open: of.open, organiser: of.organiser, rootFingerprint: '3f9ac1d07be24c550a96b6f1de3f6b0f8f0b5e0f8c1b7a1d44b0b7c9d2e6f108' },
    aor: `${of.userName}@${of.name}`, userName: of.userName, displayName: of.displayName, nodeId: '2ce1a7f03d5b4c8e9f60718293a4b5c6',
    certificate: { fingerprint: 'a1c49e02b7d35f68901c2ab4d5e6f7089b1c2d3e4f5061728394a5b6c7d8e9f0', notBefore: Date.now() - 12 * day, notAfter: Date.now() + 353 * day, selfSigned: of.open },
    keyProtection: 'keyring',
  }
}

export function emptyPeer(): Scenario {
  return {
    messages: [],
    state: {
      account: null,
      status: { phase: 'not-enrolled', step: null, listen: null, peers: 0, neighbours: [], roles: [], registered: false, counters: {}, problem: null },
      presence: { state: 'available', note: '' }, settings: { ...defaultSettings },
      contacts: {}, calls: {}, conversations: {}, history: {}, discovered: {}, warnings: {},
    },
  }
}

/** Two overlays on the LAN, for the first run. */
export function newcomer(): Scenario {
  const scenario = emptyPeer()
  scenario.state.discovered = {
    d1: { id: 'd1', name: 'office.example', open: false, rootFingerprint: '3f9ac1d07be24c550a96b6f1de3f6b0f8f0b5e0f8c1b7a1d44b0b7c9d2e6f108', peers: 4, configurationUrl: 'https://192.168.1.20:8443/.well-known/reload-config' },
    d2: { id: 'd2', name: 'makerspace.example', open: true, rootFingerprint: '77aa01c3de4b5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8', peers: 2, configurationUrl: 'https://192.168.1.31:8443/.well-known/reload-config' },
  }
  return scenario
}

const contact = (user: string, displayName: string, state: ContactView['presence']['state'], note = '', favourite = false, since = 40 * minute): ContactView =>
  ({ aor: `${user}@office.example`, displayName, favourite, presence: { state, note, since: Date.now() - since } })

const peer = (nodeId: string, userName: string, host: number, rttMs: number | null, relation: NeighbourView['relation'], routable = true): NeighbourView =>
  ({ nodeId, userName, address: `192.168.1.${host}:6084`, relation, rttMs, routable })

export function officeDay(): Scenario {
  const scenario = emptyPeer()
  const { state } = scenario
  const now = Date.now()
  const noon = new Date(now).setHours(11, 40, 0, 0)
  const base = Math.min(now - 5 * minute, noon)
  state.account = ownAccount({ name: 'office.example', userName: 'alice', displayName: 'Alice Moreau', open: false, organiser: true })
  state.status = {
    phase: 'joined', step: null, listen: '192.168.1.20:6084', peers: 8, registered: true, roles: ['enrol'], problem: null,
    neighbours: [
      peer('41b0c7a6e29d4f1087a5b3c2d1e0f9a8', 'bob', 21, 3.2, ['successor']), peer('5a77e1b2c3d4e5f60718293a4b5c6d7e', 'carol', 34, 4.8, ['successor']),
      peer('7de3f4a5b6c7d8e9f0a1b2c3d4e5f607', 'dinesh', 40, 9.1, ['successor', 'finger']), peer('a90c1d2e3f405162738495a6b7c8d9ea', 'erik', 52, 18.6, ['finger']),
      peer('c3d4e5f60718293a4b5c6d7e8f901a2b', 'frida', 61, 7.7, ['finger', 'predecessor']), peer('e8f90a1b2c3d4e5f60718293a4b5c6d7', 'gunnar', 77, 5.4, ['predecessor']),
      peer('08192a3b4c5d6e7f8091a2b3c4d5e6f7', 'reception', 80, null, ['predecessor'], false),
    ],
    counters: { 'sent.store': 42, 'sent.fetch': 118, 'sent.update': 310, 'received.store': 77, 'received.fetch': 203, 'received.error.not-found': 3, 'dropped.bad-token': 0 },
  }
  state.presence = { state: 'available', note: '' }
  for (const c of [
    contact('bob', 'Bob Adeyemi', 'available', '', true), contact('carol', 'Carol Jensen', 'in-call', '', true, 6 * minute),
    contact('dinesh', 'Dinesh Rao', 'away', 'Lunch until one'), contact('erik', 'Erik Lindqvist', 'busy', 'Writing the quarterly report'),
    contact('frida', 'Frida Vega', 'available', 'On site in Lyon'), contact('gunnar', 'Gunnar Weiss', 'offline', '', false, 20 * hour),
    contact('reception', 'Reception', 'available'), contact('mei', 'Mei Tanaka', 'unknown'),
  ]) state.contacts[c.aor] = c

  let n = 0
  const say = (user: string, direction: 'in' | 'out', text: string, at: number, sendState: MessageView['state'] = direction === 'in' ? 'received' : 'delivered', error: string | null = null): void => {
    const message: MessageView = { id: `s${n++}`, aor: `${user}@office.example`, direction, text, at, state: sendState, error }
    scenario.messages.push(message)
    const before = state.conversations[message.aor]
    if ((before?.last?.at ?? 0) <= at) state.conversations[message.aor] = { aor: message.aor, displayName: state.contacts[message.aor]?.displayName ?? '', unread: before?.unread ?? 0, last: message }
  }
  say('bob', 'out', 'Did the new handsets arrive?', base - day - 40 * minute)
  say('bob', 'in', 'This morning. All eight of them, one with a cracked display.', base - day - 37 * minute)
  say('bob', 'in', 'I’ve put that one aside for the supplier.', base - day - 36.5 * minute)
  say('bob', 'out', 'Thanks! Can you have the others on the desks before the Monday meeting?', base - day - 30 * minute)
  say('bob', 'in', 'Already plugged in. Reception rang through on the first try 🎉', base - 55 * minute)
  say('bob', 'out', 'Lovely. No server room, no invoice.', base - 50 * minute)
  say('bob', 'in', 'And the old box is switched off for good. Nobody has noticed.', base - 49 * minute)
  say('bob', 'out', 'Calling you in a minute about Lyon.', base - 12 * minute)
  say('frida', 'in', 'The client would like a demo on Thursday. Could you join by phone?', base - 8 * minute)
  say('frida', 'in', 'Around ten?', base - 7 * minute)
  say('dinesh', 'out', 'The draft is in your folder.', base - 3 * hour)
  say('gunnar', 'out', 'When you are back: the keys are with reception.', base - 2 * hour, 'queued', 'user-offline')
  say('carol', 'in', 'Sounds good, see you there', base - 26 * hour)
  say('erik', 'out', 'Figures attached as promised', base - 2 * day, 'failed', 'network-timeout')
  const frida = state.conversations['frida@office.example']
  if (frida !== undefined) frida.unread = 2

  const call = (user: string, direction: 'in' | 'out', ago: number, durationS: number, outcome: HistoryEntry['outcome'], end: HistoryEntry['end'], seen = true): void => {
    const aor = user.includes('@') ? user : `${user}@office.example`
    const id = `h${n++}`
    state.history[id] = { id, aor, displayName: state.contacts[aor]?.displayName ?? '', direction, startedAt: base - ago, durationS, outcome, end, seen }
  }
  call('bob', 'out', 10 * minute, 431, 'answered', 'hung-up')
  call('carol', 'in', 65 * minute, 0, 'missed', 'missed', false)
  call('carol', 'in', 67 * minute, 0, 'missed', 'missed', false)
  call('frida', 'in', 2.4 * hour, 1260, 'answered', 'remote-hung-up')
  call('gunnar', 'out', 22 * hour, 0, 'failed', 'user-offline')
  call('erik', 'out', 25 * hour, 0, 'declined', 'call-declined')
  call('support@partner.example', 'in', 27 * hour, 95, 'answered', 'hung-up')
  call('dinesh', 'out', 50 * hour, 0, 'cancelled', 'cancelled')
  call('bob', 'in', 51 * hour, 62, 'answered', 'hung-up')
  return scenario
}

/** The office, at a peer that serves ordinary phones. */
export function officePhones(): Scenario {
  const scenario = officeDay()
  const { status } = scenario.state
  scenario.state.status = { ...status, roles: [...status.roles, 'proxy', 'redirect', 'registrar'], sip: '192.168.1.20:5060', sipTlsPort: 5061 }
  return scenario
}

/** One phone logged in, one in its box. */
export const scriptedPhones: PhoneView[] = [
  { userName: 'desk', displayName: 'Desk phone', createdAt: 1_780_000_000_000, registrations: [{ contact: 'sip:desk@192.168.1.52:5060', userAgent: 'baresip v1.0.0 (x86_64/linux)', expiresS: 254 }] },
  { userName: 'kitchen', displayName: '', createdAt: 1_780_100_000_000, registrations: [] },
]
