import { describe, expect, it } from 'vitest'
import { OutsideResolver } from '../../../../src-main/p2psip/outsideResolver.ts'
import { memoryConnectionPair } from '../../../support/memoryConnection.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const never = new AbortController().signal

describe('addresses of other domains', () => {
  const [outward, pipe] = memoryConnectionPair(new VirtualClock())
  const resolver = (allowed: boolean, way = true): OutsideResolver => new OutsideResolver({
    overlayName: 'office.example', overlay: { resolve: (uri) => Promise.resolve([{ requestUri: uri, connection: pipe }]) },
    allowed: () => allowed, outward: () => (way ? outward : undefined),
  })

  it('lead to our own proxy, addresses of the overlay to the overlay', async () => {
    expect(await resolver(true).resolve('sips:bob@example.org', never)).toEqual([{ requestUri: 'sips:bob@example.org', connection: outward, outside: true }])
    expect(await resolver(true).resolve('sip:bob@OFFICE.example;gr=x', never)).toEqual([{ requestUri: 'sip:bob@OFFICE.example;gr=x', connection: pipe }])
    expect(await resolver(true).resolve('sip:bob@office.example:5070', never)).toEqual([{ requestUri: 'sip:bob@office.example', connection: pipe }]) // the overlay has no port
  })

  it('lead nowhere when the user wants nothing to leave the overlay, or there is no way out', async () => {
    await expect(resolver(false).resolve('sip:bob@example.org', never)).rejects.toMatchObject({ code: 'outside-off' })
    await expect(resolver(true, false).resolve('sip:bob@example.org', never)).rejects.toMatchObject({ code: 'domain-unreachable' })
  })
})
