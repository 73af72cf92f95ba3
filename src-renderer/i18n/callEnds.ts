/** Why a call is over, in words with the other side's name. */
import type { CallEnd } from '@shared/model/index.ts'

export const callEnds: Record<CallEnd, { what: string; do: string }> = {
  'hung-up': { what: 'Call ended', do: '' },
  'remote-hung-up': { what: '{name} hung up', do: '' },
  'transferred': { what: 'You passed {name} on', do: '' },
  'cancelled': { what: 'Call cancelled', do: '' },
  'missed': { what: 'Missed call', do: '' },
  'rejected': { what: 'You declined the call', do: '' },
  'answered-elsewhere': { what: 'Answered on another device', do: '' },
  'user-unknown': { what: 'No one uses this address', do: 'Check the spelling, or invite the person into your overlay.' },
  'user-offline': { what: '{name} is offline', do: 'Leave a message; it is sent when they are back.' },
  'call-declined': { what: '{name} declined', do: 'You can send a message instead.' },
  'call-busy': { what: '{name} is in another call', do: 'Try again later, or send a message.' },
  'call-no-answer': { what: '{name} did not answer', do: 'Try again later, or send a message.' },
  'call-media-failed': { what: 'There was no path for the sound', do: 'A firewall may block it on one side. Try again, or from another network.' },
  'call-no-common-codec': { what: 'No way of sound in common', do: 'The other phone must support Opus, G.722 or G.711 with encryption.' },
  'peer-unverified': { what: 'The other side could not prove it is {name}', do: 'The call was stopped. Ask {name} by another way whether they changed their device.' },
  'microphone-missing': { what: 'No microphone was found', do: 'Plug one in, or choose another in Settings, Sound.' },
  'microphone-denied': { what: 'Ringway may not use the microphone', do: 'Allow it in the privacy settings of your system or browser, then call again.' },
  'not-joined': { what: 'You are not connected to the overlay', do: 'Ringway keeps trying; see Network for the reason.' },
  'network-timeout': { what: '{name}’s device did not answer', do: 'It may have lost its connection. Try again in a moment.' },
  'call-failed': { what: 'The call failed', do: 'Try again.' },
}
