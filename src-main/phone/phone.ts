/**
 * The phone: calls, messages, presence, contacts, history and settings of one account over one SIP user agent.
 * Builds the services bottom-up and tells each what the others know; has no behaviour of its own.
 */
import { Emitter, type Event } from '../base/event.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import type { IncomingPublication, UserAgent, UserAgentUser } from '../sip/ua/userAgent.ts'
import { hostOf } from './address.ts'
import { CallService } from './callService.ts'
import { ContactService } from './contactService.ts'
import { DialogNotifier } from './dialogNotifier.ts'
import { HistoryService } from './historyService.ts'
import { accountsEvent } from './phoneAccountCopies.ts'
import { MessageSummary } from './messageSummary.ts'
import { MessageService } from './messageService.ts'
import { PresenceService } from './presenceService.ts'
import { SettingsService } from './settingsService.ts'
import type { ContactStore, HistoryStore, MessageStore, SettingsStore, WatcherStore } from './stores.ts'
import type { TargetResolver } from './targetResolver.ts'

export interface PhoneStores {
  readonly contacts: ContactStore
  readonly messages: MessageStore
  readonly history: HistoryStore
  readonly settings: SettingsStore
  readonly watchers: WatcherStore
}

export type PhoneUserAgent = Pick<UserAgent, 'invite' | 'request' | 'subscribe'>

export interface PhoneDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly stores: PhoneStores
  readonly resolver: TargetResolver
  /** What the phone calls with, used from `start` on; or its maker, called once and at once with the phone as user. */
  readonly userAgent: PhoneUserAgent | ((user: UserAgentUser) => PhoneUserAgent)
  /** Given when settings matter before there is an account; made from the store otherwise. */
  readonly settings?: SettingsService
  /** Our address of record without scheme; its domain completes bare names. */
  readonly aor: () => string
  readonly maxCalls?: number
  /** A call has this Call-ID: for who records what is said about it. */
  readonly noteDialog?: (id: string, callId: string) => void
  /** Another device of ours publishes the accounts of its phones. */
  readonly onAccounts?: (publication: IncomingPublication) => void
}

export interface Phone {
  /** Takes what the user agent brings. */
  readonly user: UserAgentUser
  readonly calls: CallService
  readonly messages: MessageService
  readonly presence: PresenceService
  readonly contacts: ContactService
  readonly history: HistoryService
  readonly settings: SettingsService
  /** Begins to watch contacts and to deliver what waits. */
  start(): void
  /** The overlay was joined (again): contacts, watchers and waiting messages are tried at once. */
  noteOnline(): void
  /** `aor` was heard of, by device `nodeId` when known: called for each pipe that comes in or out. */
  noteReachable(aor: string, nodeId?: string): void
  /** An incoming call, message or subscription proved `aor` to be there. */
  readonly onHeardFrom: Event<string>
  /** Ends calls and subscriptions; requests that say so are written before it returns. */
  stop(): void
}

export function createPhone(deps: PhoneDeps): Phone {
  const { clock, random, resolver, stores, aor } = deps
  const log = deps.log.child('phone')
  const domain = (): string => aor().slice(aor().lastIndexOf('@') + 1)
  const nameOf = (address: string, given: string): string => contacts.nameOf(address, given)
  const heard = new Emitter<string>()
  const user: UserAgentUser = {
    onInvite: (call) => {
      noteReachable(call.from.aor, call.identity?.nodeId)
      heard.emit(call.from.aor)
      calls.incoming(call)
    },
    onMessage: (request) => {
      messages.receive(request)
      noteReachable(request.from.aor, request.identity?.nodeId)
      heard.emit(request.from.aor)
    },
    onSubscribe: (subscription) => {
      switch (subscription.event) {
        case 'dialog': dialogs.incoming(subscription); return
        case 'message-summary': summary.incoming(subscription); return
        default: presence.incoming(subscription)
      }
      noteReachable(subscription.from.aor, subscription.identity?.nodeId)
      heard.emit(subscription.from.aor)
    },
  }
  const { onAccounts } = deps
  if (onAccounts !== undefined) {
    user.onPublish = (publication) => {
      if (publication.event !== accountsEvent) return false
      onAccounts(publication)
      return true
    }
  }
  const userAgent = typeof deps.userAgent === 'function' ? deps.userAgent(user) : deps.userAgent
  const settings = deps.settings ?? new SettingsService(stores.settings)
  const history = new HistoryService(stores.history)
  const presence = new PresenceService({
    clock, log, resolver, userAgent, aor, settings, contacts: stores.contacts, watchers: stores.watchers, store: stores.settings,
    isWatchable: (address) => hostOf(address) === hostOf(aor()),
  })
  const contacts = new ContactService(stores.contacts, presence, domain)
  const calls = new CallService({
    clock, random, log, resolver, userAgent, history, domain, nameOf,
    tellsInCall: () => settings.get().presenceInCall, leavesOverlay: (address) => hostOf(address) !== hostOf(aor()),
    ...(deps.noteDialog === undefined ? {} : { noteDialog: deps.noteDialog }),
    ...(deps.maxCalls === undefined ? {} : { maxCalls: deps.maxCalls }),
  })
  const messages = new MessageService({
    clock, random, log, resolver, userAgent, domain, nameOf, store: stores.messages,
    isContact: (address) => stores.contacts.get(address) !== undefined,
  })
  const dialogs = new DialogNotifier({ aor, calls: () => calls.all() })
  const summary = new MessageSummary(aor)
  const noteReachable = (address: string, nodeId?: string): void => {
    presence.noteReachable(address, nodeId)
    messages.noteReachable(address)
  }
  calls.onChanged(() => {
    presence.setInCall(calls.inCall)
    dialogs.changed()
  })
  contacts.onChanged((change) => { messages.noteName(change.aor) })
  return {
    user, calls, messages, presence, contacts, history, settings, noteReachable, onHeardFrom: heard.event,
    start: () => { presence.start(); messages.start() },
    noteOnline: () => { presence.noteOnline(); messages.noteOnline() },
    stop: () => { calls.stop(); messages.stop(); presence.stop(); dialogs.stop(); summary.stop() },
  }
}
