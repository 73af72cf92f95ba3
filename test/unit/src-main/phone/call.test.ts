import { describe, expect, it } from 'vitest'
import { Call } from '../../../../src-main/phone/call.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const dtls = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 AA:BB\r\n'
const plain = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'

function answered(sdp: string): Call {
  const call = new Call(new VirtualClock(), 'c1', 'out', { aor: 'bob@office.example', displayName: '', verified: true })
  call.to('calling')
  call.answered(sdp)
  return call
}

describe('what protects the sound of a call', () => {
  it('tells the way behind a bridge apart from ours, and forgets it when the sound is agreed on without one', () => {
    const call = answered(`${dtls}a=x-far-leg:none\r\n`)
    expect(call.view()).toMatchObject({ security: 'dtls-srtp', farLeg: 'none' })
    call.secured(`${dtls}a=x-far-leg:sdes\r\n`)
    expect(call.view().farLeg).toBe('sdes')
    call.secured(dtls)
    expect(call.view()).not.toHaveProperty('farLeg')
    call.finish('hung-up')
  })

  it('says none for plain RTP, and believes no other word for the far leg', () => {
    const call = answered(`${plain}a=x-far-leg:quantum\r\n`)
    expect(call.view().security).toBe('none')
    expect(call.view()).not.toHaveProperty('farLeg')
    call.finish('hung-up')
  })
})
