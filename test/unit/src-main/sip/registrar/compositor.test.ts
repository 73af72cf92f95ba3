import { describe, expect, it } from 'vitest'
import type { SipResponse } from '../../../../../src-main/sip/message/message.ts'
import { type RawEnd, ServerKit } from '../../../../support/sipServerKit.ts'

const DESK = 'sip:desk@office.example'

async function world() {
  const kit = new ServerKit()
  const desk = kit.end('desk')
  let number = 0
  const publish = async (headers: readonly (readonly [string, string])[], body = '', from: RawEnd = desk, type = 'application/pidf+xml', uri = DESK): Promise<SipResponse> => {
    const given = new Set(headers.map(([name]) => name))
    const request = from.request('PUBLISH', uri, [['Call-ID', `p${++number}`], ...(given.has('Event') ? [] : [['Event', 'presence'] as const]), ...headers.filter(([name, value]) => name !== 'Event' || value !== '')])
    if (body !== '') request.setBody(type, body)
    await kit.ask(from, request)
    return from.last as SipResponse
  }
  const documents = (): string[] => [...kit.publications.all()].map(({ body }) => new TextDecoder().decode(body))
  return { kit, desk, publish, documents }
}
const tagOf = (response: SipResponse): string => response.headers.get('SIP-ETag') ?? ''
const outcome = (response: SipResponse): [number, string | undefined] => [response.status, response.headers.get('Expires')]

describe('the event state compositor (RFC 3903)', () => {
  it('challenges a PUBLISH without credentials, and takes one with them: 200 with SIP-ETag and Expires', async () => {
    const { desk, publish, documents } = await world()
    const response = await publish([['Expires', '600']], '<open/>')
    expect([desk.statuses, outcome(response), tagOf(response).length > 8, documents()]).toEqual([[407, 200], [200, '600'], true, ['<open/>']])
  })

  it('refreshes without a body, modifies with one, and removes with Expires 0: each under a new tag', async () => {
    const { publish, documents } = await world()
    const first = await publish([['Expires', '600']], '<open/>')
    const refreshed = await publish([['SIP-If-Match', tagOf(first)], ['Expires', '300']])
    expect([outcome(refreshed), documents()]).toEqual([[200, '300'], ['<open/>']])
    const modified = await publish([['SIP-If-Match', tagOf(refreshed)], ['Expires', '300']], '<busy/>')
    expect([modified.status, documents()]).toEqual([200, ['<busy/>']])
    expect(new Set([first, refreshed, modified].map(tagOf)).size).toBe(3)
    const removed = await publish([['SIP-If-Match', tagOf(modified)], ['Expires', '0']])
    expect([outcome(removed), documents()]).toEqual([[200, '0'], []])
  })

  it('answers 412 to a tag that it does not know (any more), or of another account, and changes nothing', async () => {
    const { kit, publish, documents } = await world()
    const first = await publish([], '<open/>')
    await publish([['SIP-If-Match', tagOf(first)]])
    expect((await publish([['SIP-If-Match', tagOf(first)]], '<busy/>')).status).toBe(412)
    const kitchen = kit.end('kitchen')
    const [tag = ''] = [...(kit.publications as unknown as { byTag: Map<string, unknown> }).byTag.keys()]
    expect((await publish([['SIP-If-Match', tag]], '<busy/>', kitchen, undefined, 'sip:kitchen@office.example')).status).toBe(412)
    expect(documents()).toEqual(['<open/>'])
  })

  it('forgets what is not refreshed, and its tag', async () => {
    const { kit, publish, documents } = await world()
    const first = await publish([['Expires', '60']], '<open/>')
    await kit.run(61_000)
    expect(documents()).toEqual([])
    expect((await publish([['SIP-If-Match', tagOf(first)]])).status).toBe(412)
    expect(kit.clock.pending).toBeLessThan(5)
  })

  it('shortens a time that is too long, and refuses one that is too short with 423 and Min-Expires', async () => {
    const { publish } = await world()
    expect(outcome(await publish([['Expires', '100000']], '<open/>'))).toEqual([200, '3600'])
    const brief = await publish([['Expires', '10']], '<open/>')
    expect([brief.status, brief.headers.get('Min-Expires')]).toEqual([423, '60'])
  })

  it.each([
    ['another event package: 489 with Allow-Events', [['Event', 'dialog']], '<x/>', undefined, 489, ['Allow-Events', 'presence']],
    ['no event package: 489', [['Event', '']], '<x/>', undefined, 489, ['Allow-Events', 'presence']],
    ['another type of document: 415 with Accept', [], '<x/>', 'text/plain', 415, ['Accept', 'application/pidf+xml']],
    ['a document that cannot be read: 400', [], 'open', undefined, 400, undefined],
    ['a document that is too large: 413', [], `<${'x'.repeat(17_000)}/>`, undefined, 413, undefined],
    ['nothing to publish: 400', [], '', undefined, 400, undefined],
  ] as const)('%s', async (_, headers, body, type, status, header) => {
    const { publish, documents } = await world()
    const response = await publish(headers, body, undefined, type)
    expect(response.status).toBe(status)
    if (header !== undefined) expect(response.headers.get(header[0])).toBe(header[1])
    expect(documents()).toEqual([])
  })

  it('bounds what one account may publish, and leads PUBLISH for others nowhere near the table', async () => {
    const { publish, documents } = await world()
    for (let i = 0; i < 8; i++) expect((await publish([], `<${i}/>`)).status).toBe(200)
    expect((await publish([], '<9/>')).status).toBe(403)
    expect((await publish([], '<bob/>', undefined, undefined, 'sip:bob@office.example')).status).toBe(404)
    expect(documents()).toHaveLength(8)
  })
})
