/**
 * Every failure a user can meet. A code crosses the process boundary as data; `src-renderer/i18n` and the
 * command line put it into words: what happened and what to do.
 */
export const errorCodes = [
  // enrolment and overlays
  'invitation-invalid', 'invitation-used', 'invitation-expired', 'invitation-required', 'name-taken', 'name-invalid',
  'overlay-name-invalid', 'overlay-file-damaged', 'overlay-unreachable', 'overlay-incompatible', 'enrolment-unreachable',
  'enrolment-refused', 'server-unverified', 'certificate-expired', 'certificate-invalid', 'already-enrolled', 'not-enrolled',
  'not-organiser', 'key-unreadable',
  // this machine
  'port-in-use', 'microphone-missing', 'microphone-denied', 'database-damaged', 'database-too-new', 'disk-full', 'profile-in-use', 'clock-wrong',
  // reaching others
  'user-unknown', 'user-offline', 'peer-unreachable', 'peer-unverified', 'not-secure', 'network-timeout', 'not-joined',
  // reaching addresses outside the overlay
  'outside-off', 'domain-unknown', 'domain-unreachable', 'domain-unverified', 'domain-refused', 'domain-user-unknown',
  // calls and messages
  'call-declined', 'call-busy', 'call-no-answer', 'call-unknown', 'call-media-failed', 'call-no-common-codec', 'call-moved', 'call-failed',
  'message-too-long', 'message-refused', 'message-unsupported', 'address-invalid', 'contact-exists', 'contact-unknown', 'phone-unknown', 'media-file-unreadable',
  // the contract itself
  'invalid-argument', 'unknown-method', 'unauthorised', 'too-many-requests', 'timeout', 'cancelled', 'internal',
] as const

export type ErrorCode = (typeof errorCodes)[number]

export function isErrorCode(value: unknown): value is ErrorCode {
  return (errorCodes as readonly unknown[]).includes(value)
}
