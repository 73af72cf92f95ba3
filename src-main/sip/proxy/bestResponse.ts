/** Which final response a forking proxy sends when every branch has failed (RFC 3261 §16.7 steps 6 and 7). */
import type { SipResponse } from '../message/message.ts'

/** What the caller can do something about is told before what it cannot: §16.7 step 6. */
const HELPFUL = [401, 407, 415, 420, 484]

/** @param responses final ones of 300 and above, in the order they came. @returns undefined for none */
export function bestResponse(responses: readonly SipResponse[]): SipResponse | undefined {
  const best = [...responses].sort((a, b) => rank(a.status) - rank(b.status))[0]
  if (best === undefined || (best.status !== 401 && best.status !== 407)) return best
  return withChallenges(best, responses)
}

function rank(status: number): number {
  if (status >= 600) return 0
  const within = HELPFUL.includes(status) ? 0 : status === 408 || status === 487 || status === 503 ? 2 : 1
  return Math.floor(status / 100) * 10 + within
}

/** Step 7: every challenge of every branch is put into the one response, those of one branch in their order. */
function withChallenges(best: SipResponse, responses: readonly SipResponse[]): SipResponse {
  const out = best.clone()
  for (const other of responses) {
    if (other === best || (other.status !== 401 && other.status !== 407)) continue
    for (const name of ['WWW-Authenticate', 'Proxy-Authenticate']) for (const value of other.headers.getLines(name)) out.headers.append(name, value)
  }
  return out
}
