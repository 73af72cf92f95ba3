import { describe, expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { OverlayLocationService } from '../../../../src-main/p2psip/overlayLocationService.ts'
import type { Caller } from '../../../../src-main/sip/locationService.ts'
import { parseUri, type SipUri } from '../../../../src-main/sip/message/uri.ts'
import type { Binding } from '../../../../src-main/sip/registrar/bindings.ts'
import { memoryConnectionPair } from '../../../support/memoryConnection.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const never = new AbortController().signal
const carol: Caller = { kind: 'peer', identity: { aor: 'carol@office.example', nodeId: 'cc'.repeat(16) } }
const desk: Caller = { kind: 'phone', account: 'desk' }

function world(...registered: string[]) {
  const clock = new VirtualClock()
  const [pipe] = memoryConnectionPair(clock)
  const bindings: Binding[] = registered.map((account) => ({
    aor: `${account}@office.example`, account, contact: `sip:${account}@10.0.0.9`, uri: parseUri(`sip:${account}@10.0.0.9`), q: 1, callId: 'c', cseq: 1, path: [],
    flow: memoryConnectionPair(clock)[0], instance: '', regId: undefined, userAgent: '', expiresAtMs: 1e9,
  }))
  const asked: string[] = []
  const service = new OverlayLocationService({
    overlayName: 'office.example', owner: () => ({ aor: 'alice@office.example', displayName: 'Alice' }),
    isOwnAddress: (host, port) => host === '10.0.0.1' && (port ?? 5060) === 5060,
    transport: { connect: () => Promise.resolve(pipe) },
    resolver: {
      resolve: (uri) => {
        asked.push(uri)
        return uri === 'sip:bob@office.example' ? Promise.resolve([{ requestUri: uri, connection: pipe }]) : Promise.reject(new PeerError('user-unknown'))
      },
    },
    phones: {
      has: (account) => ['desk', 'kitchen'].includes(account), displayName: (account) => (account === 'desk' ? 'Front desk' : ''), outward: () => undefined,
      bindings: (account) => bindings.filter((binding) => account === undefined || binding.account === account), wayTo: (binding) => binding.flow,
    },
  })
  const to = async (uri: string, caller: Caller): Promise<string> => {
    try {
      return (await service.locate(parseUri(uri) as SipUri, caller, never)).map(({ requestUri, connection }) => (connection === 'own' ? 'app' : requestUri)).join(' ')
    } catch (error) {
      if (error instanceof PeerError) return error.code
      throw error
    }
  }
  return { service, to, asked, bindings }
}

describe('where the overlay may be led', () => {
  it('to the owner: the app and every phone', async () => {
    expect(await world('desk', 'kitchen').to('sip:alice@office.example', carol)).toBe('app sip:desk@10.0.0.9 sip:kitchen@10.0.0.9')
  })

  it('of a phone with several flows one is a target, the others come instead of it (RFC 5626 §7)', async () => {
    const { service, bindings } = world('desk')
    const [first] = bindings.splice(0) as [Binding]
    for (const [i, q, instance] of [[1, 1, 'a'], [2, 1, 'a'], [3, 0.5, 'a'], [4, 1, 'b']] as const) bindings.push({ ...first, contact: `sip:desk@10.0.0.${i}`, q, instance, regId: i })
    const targets = await service.locate(parseUri('sip:alice@office.example') as SipUri, carol, never)
    expect(targets.map(({ connection, requestUri, instead = [] }) => [connection === 'own' ? 'app' : requestUri, ...instead.map((other) => other.requestUri)])).toEqual([
      ['app'], ['sip:desk@10.0.0.2', 'sip:desk@10.0.0.1', 'sip:desk@10.0.0.3'], ['sip:desk@10.0.0.4'],
    ])
  })

  it('nowhere else: not to a phone by its own name, not to others of the overlay, not out of it', async () => {
    const { to, asked } = world('desk')
    for (const uri of ['sip:desk@office.example', 'sip:bob@office.example', 'sip:x@192.0.2.1', 'sip:alice@other.example']) expect(await to(uri, carol), uri).toBe('unauthorised')
    expect(asked).toEqual([])
  })

  it('concerns the proxy only while a phone is registered', () => {
    const uri = parseUri('sip:alice@office.example') as SipUri
    expect([world().service.concerns(uri, carol), world('desk').service.concerns(uri, carol)]).toEqual([false, true])
    expect(world('desk').service.concerns(parseUri('sip:bob@office.example') as SipUri, carol)).toBe(false)
  })
})

describe('where a phone may be led', () => {
  it('into the overlay, by its name or by the address of this peer', async () => {
    const { to, asked } = world('desk')
    expect(await to('sip:bob@office.example', desk)).toBe('sip:bob@office.example')
    expect(await to('sip:bob@10.0.0.1:5060', desk)).toBe('sip:bob@office.example')
    expect(await to('sip:nobody@office.example', desk)).toBe('user-unknown')
    expect(asked).toHaveLength(3)
  })

  it('to another phone here, registered or not; never out of the overlay', async () => {
    expect(await world('desk', 'kitchen').to('sip:Kitchen@office.example', desk)).toBe('sip:kitchen@10.0.0.9')
    expect(await world('desk').to('sip:kitchen@office.example', desk)).toBe('user-offline')
    expect(await world('desk').to('sip:x@192.0.2.1', desk)).toBe('unauthorised')
    expect(await world('desk').to('sip:10.0.0.1', desk)).toBe('address-invalid')
  })

  it('to its owner: the app and the other phones', async () => {
    expect(await world('desk', 'kitchen').to('sip:alice@office.example', desk)).toBe('app sip:kitchen@10.0.0.9')
  })

  it('is presented under the owner’s address, with its own name', () => {
    const { service } = world()
    expect(service.presentedAs('desk')).toEqual({ aor: 'alice@office.example', displayName: 'Front desk' })
    expect(service.presentedAs('kitchen')).toEqual({ aor: 'alice@office.example', displayName: 'Alice' })
  })
})

describe('a sips: address (RFC 3261 §26.2.2)', () => {
  const secured = (): ReturnType<typeof world> => {
    const made = world('desk', 'kitchen')
    const [tls] = memoryConnectionPair(new VirtualClock(), { transport: 'TLS' })
    made.bindings[1] = { ...made.bindings[1] as Binding, flow: tls }
    return made
  }

  it('leads to the app and to phones over TLS, to others not', async () => {
    const { to } = secured()
    expect(await to('sips:alice@office.example', carol)).toBe('app sip:kitchen@10.0.0.9')
    expect(await to('sip:alice@office.example', carol)).toBe('app sip:desk@10.0.0.9 sip:kitchen@10.0.0.9')
    expect(await to('sips:ticket@10.0.0.1', { kind: 'guest', aor: 'alice@office.example' })).toBe('app sip:kitchen@10.0.0.9')
  })

  it('of one phone: that it is there, but not over TLS, is told from that it is away', async () => {
    const { to } = secured()
    expect(await to('sips:kitchen@office.example', desk)).toBe('sip:kitchen@10.0.0.9')
    expect(await to('sips:desk@office.example', { kind: 'phone', account: 'kitchen' })).toBe('not-secure')
    expect(await world('desk').to('sips:kitchen@office.example', desk)).toBe('user-offline')
    expect(await to('sips:desk@office.example', { kind: 'own' })).toBe('')
  })

  it('stays sips: on the way through the overlay, and to the app', async () => {
    const { service, asked } = secured()
    await service.locate(parseUri('sips:bob@office.example') as SipUri, desk, never).catch(() => [])
    expect(asked).toEqual(['sips:bob@office.example'])
    const [app] = await service.locate(parseUri('sips:alice@office.example') as SipUri, carol, never)
    expect(app?.requestUri).toBe('sips:alice@office.example')
  })
})

it('a guest reaches the owner whom the ticket names, and nobody else', async () => {
  expect(await world('desk').to('sip:ticket@10.0.0.1', { kind: 'guest', aor: 'alice@office.example' })).toBe('app sip:desk@10.0.0.9')
  expect(await world('desk').to('sip:ticket@10.0.0.1', { kind: 'guest', aor: 'bob@office.example' })).toBe('unauthorised')
})

describe('state that a phone asks for', () => {
  it('of the owner or of itself is kept by the app: its SUBSCRIBE goes there alone', async () => {
    const { service } = world('desk', 'kitchen')
    const keeps = (uri: string): boolean => service.keepsState(parseUri(uri) as SipUri, 'desk')
    expect(['sip:alice@office.example', 'sip:desk@office.example', 'sip:alice@10.0.0.1'].map(keeps)).toEqual([true, true, true])
    expect(['sip:kitchen@office.example', 'sip:bob@office.example', 'sip:desk@other.example'].map(keeps)).toEqual([false, false, false])
    const targets = await service.locate(parseUri('sip:alice@office.example') as SipUri, desk, never, 'SUBSCRIBE')
    expect(targets.map(({ connection }) => connection)).toEqual(['own'])
  })
})
