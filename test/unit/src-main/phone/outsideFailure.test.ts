import { expect, it } from 'vitest'
import { endOutside } from '../../../../src-main/phone/outsideFailure.ts'

it.each([
  [404, 'domain-unknown', 'domain-unknown'], [502, 'domain-unverified', 'domain-unverified'], [502, 'domain-unreachable', 'domain-unreachable'], [404, 'Not Found', 'domain-user-unknown'],
  [408, 'Request Timeout', 'domain-unreachable'], [500, 'Server Internal Error', 'domain-unreachable'], [403, 'Forbidden', 'domain-refused'], [407, 'Proxy Authentication Required', 'domain-refused'],
  [486, 'Busy Here', 'call-busy'], [603, 'Decline', 'call-declined'], [488, 'Not Acceptable Here', 'call-no-common-codec'], [480, 'Temporarily Unavailable', 'call-no-answer'], [302, 'Moved Temporarily', 'call-moved'],
])('%i %s outside the overlay is told as %s', (status, reason, end) => {
  expect(endOutside(status, reason, false)).toBe(end)
})
it('silence after ringing is no answer', () => { expect(endOutside(408, '', true)).toBe('call-no-answer') })
