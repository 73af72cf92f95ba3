/**
 * What we have said to the other side about one call (RFC 3264 §8): the first description comes from the media engine,
 * later ones are made from it as long as the transport stays. Keeps o= the same but for its version.
 */
import { directionOf, mirrored, nextVersion, onHold, originOf, sameTransport, setupOf, withCodecsOf, withDirection, withOrigin, withSetup } from '../sdp/rewrite.ts'

export class LocalDescription {
  private text: string
  private origin: string
  private role: 'active' | 'passive'

  /** @param local what we sent, as offer or answer; `remote` what the other side sent */
  constructor(local: string, private remote: string) {
    this.text = local
    this.origin = originOf(local)
    this.role = roleOf(local, remote)
  }

  /** What the other side said last. */
  get theirs(): string { return this.remote }

  /** An offer that changes nothing but the direction. @param held we neither listen nor speak */
  offer(held: boolean): string {
    // of a side that holds us nothing is to be heard: both ends then rest
    const theirs = directionOf(this.remote)
    const quiet = theirs === 'sendonly' || theirs === 'inactive'
    return this.say(withSetup(withDirection(this.text, held ? (quiet ? 'inactive' : 'sendonly') : 'sendrecv'), 'actpass'))
  }

  /** The answer to our last offer came. */
  answered(remote: string): void { this.remote = remote }

  /** The answer to an offer that leaves the transport as it is; undefined when the media engine has to make it. */
  answer(offer: string, held: boolean): string | undefined {
    if (!sameTransport(this.remote, offer)) return undefined
    const base = withCodecsOf(this.text, offer)
    if (base === undefined) return undefined
    return this.accept(base, offer, held)
  }

  /** The media engine's answer to an offer, brought into line with what we said before. */
  adopt(answer: string, offer: string, held: boolean): string {
    this.role = roleOf(answer, offer)
    return this.accept(answer, offer, held)
  }

  private accept(base: string, offer: string, held: boolean): string {
    const allowed = mirrored(directionOf(offer))
    this.remote = offer
    return this.say(withSetup(withDirection(base, held ? onHold(allowed) : allowed), this.role))
  }

  private say(text: string): string {
    const same = withOrigin(text, this.origin)
    if (same === this.text) return same
    this.origin = nextVersion(this.origin)
    this.text = withOrigin(text, this.origin)
    return this.text
  }
}

/** RFC 5763 §5: who answers chooses; who offered takes the other role. */
function roleOf(local: string, remote: string): 'active' | 'passive' {
  const own = setupOf(local)
  if (own === 'active' || own === 'passive') return own
  return setupOf(remote) === 'active' ? 'passive' : 'active'
}
