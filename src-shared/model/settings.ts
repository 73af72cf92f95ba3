import { z } from 'zod'

export const settings = z.object({
  theme: z.enum(['system', 'light', 'dark']),
  language: z.enum(['system', 'en']),
  /** labels of devices in order of preference; '' is the system's default */
  microphone: z.string(),
  speaker: z.string(),
  ringer: z.string(),
  ringVolume: z.number().min(0).max(1),
  notifications: z.boolean(),
  /** show the text of messages in notifications */
  notificationContent: z.boolean(),
  /** who may see presence */
  presenceFor: z.enum(['everyone', 'contacts']),
  /** show 'in a call' to others */
  presenceInCall: z.boolean(),
  /** let calls and messages go to addresses of other domains */
  outsideCalls: z.boolean(),
  /** find and be found on the local network */
  multicast: z.boolean(),
  startHidden: z.boolean(),
})
export type Settings = z.infer<typeof settings>

export const defaultSettings: Settings = {
  theme: 'system', language: 'system', microphone: '', speaker: '', ringer: '', ringVolume: 0.7,
  notifications: true, notificationContent: true, presenceFor: 'everyone', presenceInCall: true, outsideCalls: true,
  multicast: true, startHidden: false,
}
