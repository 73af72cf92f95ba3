// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from '@testing-library/vue'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Component } from 'vue'
import { ContractError } from '@shared/ipc/client.ts'
import type { CallView } from '@shared/model/index.ts'
import IncomingCard from '../../../../src-renderer/components/IncomingCard.vue'
import CreateForm from '../../../../src-renderer/components/welcome/CreateForm.vue'
import JoinForm from '../../../../src-renderer/components/welcome/JoinForm.vue'
import { i18n } from '../../../../src-renderer/i18n/index.ts'
import CallStage from '../../../../src-renderer/views/CallStage.vue'
import { makeRouter } from '../../../../src-renderer/router.ts'
import { harness, settle, type Harness } from '../stores/harness.ts'

let h: Harness
beforeEach(async () => { h = await harness() })
afterEach(cleanup)
async function show(component: Component, props: Record<string, unknown> = {}, path = '/'): Promise<void> {
  const router = makeRouter()
  await router.push(path)
  render(component, { props, global: { plugins: [h.pinia, i18n, router] } })
  await settle()
}
const field = (testid: string): HTMLInputElement => screen.getByTestId(testid)
const call = (part: Partial<CallView> = {}): CallView => ({
  id: 'c1', direction: 'in', remote: { aor: 'bob@office.example', displayName: 'Bob', verified: true }, state: 'incoming', muted: false, heldByMe: false, heldByThem: false, digits: '', transfer: null, continues: null, referredBy: null, engine: 'none',
  security: 'unknown', codec: '', startedAt: 1, answeredAt: null, endedAt: null, end: null, ...part,
})

describe('first run', () => {
  it('puts the error under the field that can mend it and keeps what was typed', async () => {
    h.script['overlay.create'] = () => { throw new ContractError('name-invalid', 'no') }
    await show(CreateForm)
    await fireEvent.update(field('create-overlay'), 'Office.Example')
    await fireEvent.update(field('create-user'), 'al ice')
    await fireEvent.submit(field('create-user').form as HTMLFormElement)
    await settle()
    expect(h.asked.at(-1)).toEqual({ method: 'overlay.create', params: { name: 'office.example', userName: 'al ice', open: false } })
    expect(field('create-user').getAttribute('aria-invalid')).toBe('true')
    expect(field('create-overlay').getAttribute('aria-invalid')).toBe('false')
    expect(field('create-overlay').value).toBe('Office.Example')
    expect(document.body.textContent).toContain('This cannot be a user name.')
    await fireEvent.update(field('create-user'), 'alice')
    expect(field('create-user').getAttribute('aria-invalid')).toBe('false')
  })

  it('says what to do when an error belongs to no field', async () => {
    h.script['overlay.create'] = () => { throw new ContractError('port-in-use', 'no') }
    await show(CreateForm)
    await fireEvent.update(field('create-overlay'), 'office.example')
    await fireEvent.update(field('create-user'), 'alice')
    await fireEvent.submit(field('create-user').form as HTMLFormElement)
    await settle()
    expect(screen.getByRole('alert').textContent).toContain('Another program uses the network port.')
  })

  it('lists overlays that are seen, and asks for a code only where one is needed', async () => {
    h.script['overlay.join'] = () => { throw new ContractError('invitation-used', 'no') }
    await show(JoinForm, { active: true })
    expect(h.asked.some((a) => a.method === 'discovery.start')).toBe(true)
    await h.tell(
      { topic: 'discovered', id: 'd1', value: { id: 'd1', name: 'office.example', open: false, rootFingerprint: 'ab', peers: 2, configurationUrl: '' } },
      { topic: 'discovered', id: 'd2', value: { id: 'd2', name: 'club.example', open: true, rootFingerprint: 'cd', peers: 1, configurationUrl: '' } },
    )
    await fireEvent.click(screen.getByTestId('discovered-club.example'))
    expect(screen.queryByTestId('join-code')).toBeNull()
    await fireEvent.click(screen.getByTestId('join-other'))
    await fireEvent.click(screen.getByTestId('discovered-office.example'))
    await fireEvent.update(field('join-code'), ' KFTR-29QX ')
    await fireEvent.update(field('join-user'), 'bob')
    await fireEvent.submit(field('join-user').form as HTMLFormElement)
    await settle()
    expect(h.asked.at(-1)).toEqual({ method: 'overlay.join', params: { discovered: 'd1', userName: 'bob', code: 'KFTR-29QX' } })
    expect(field('join-code').getAttribute('aria-invalid')).toBe('true')
    expect(field('join-user').value).toBe('bob')
  })

  it('fixes the user name that an invitation names', async () => {
    h.script['overlay.inspect'] = () => ({ overlayName: 'office.example', open: false, rootFingerprint: 'ab', userName: 'carol', needsCode: false })
    await show(JoinForm, { active: true })
    await fireEvent.update(field('join-link'), 'ringway://join?x')
    await fireEvent.submit(field('join-link').form as HTMLFormElement)
    await settle()
    expect(field('join-user').value).toBe('carol')
    expect(field('join-user').readOnly).toBe(true)
    expect(screen.queryByTestId('join-code')).toBeNull()
  })
})

describe('incoming call', () => {
  it('is an alert dialog that says who calls and whether that is proven', async () => {
    await show(IncomingCard, { call: call() })
    const dialog = screen.getByRole('alertdialog')
    expect(dialog.textContent).toContain('verified')
    expect(document.getElementById(dialog.getAttribute('aria-describedby') ?? '')?.textContent).toContain('bob@office.example')
    cleanup()
    await show(IncomingCard, { call: call({ remote: { aor: 'x@y.example', displayName: '', verified: false } }) })
    expect(screen.getByRole('alertdialog').textContent).toContain('not verified')
  })

  it('says that answering puts the call in hand on hold', async () => {
    await show(IncomingCard, { call: call(), busyWith: 'Carol' })
    expect(screen.getByTestId('answer').textContent).toContain('Hold & answer')
  })
})

describe('call stage', () => {
  it.each([
    ['finding', 'Finding Bob…'], ['calling', 'Calling…'], ['ringing', 'Ringing…'], ['connecting', 'Connecting sound…'],
  ] as const)('shows %s in words', async (state, words) => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state }) })
    await show(CallStage, {}, '/call/c1')
    expect(screen.getByTestId('call-state').textContent).toBe(words)
  })

  it('shows the lock with its word, and warns of a call without encryption', async () => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'active', answeredAt: 1, security: 'dtls-srtp' }) })
    await show(CallStage, {}, '/call/c1')
    expect(screen.getByTestId('call-security').textContent).toBe('Encrypted, identity verified')
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'active', answeredAt: 1, security: 'none' }) })
    expect(screen.getByTestId('call-security').textContent).toBe('Not encrypted')
  })

  it('says that the way to an ordinary phone behind a bridge is not encrypted, whatever our side of it is', async () => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'active', answeredAt: 1, security: 'dtls-srtp', farLeg: 'none' }) })
    await show(CallStage, {}, '/call/c1')
    expect(screen.getByTestId('call-security').textContent).toBe('Not encrypted at the other end')
    expect(screen.getByTestId('call-security-text').textContent).toContain('Bob speaks on an ordinary phone')
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'active', answeredAt: 1, security: 'dtls-srtp', farLeg: 'sdes' }) })
    expect(screen.getByTestId('call-security').textContent).toBe('Encrypted on the way')
    expect(screen.queryByTestId('call-security-text')).toBeNull()
  })

  it('says that a call leaves the overlay before it is answered, and then that it is not encrypted there', async () => {
    const remote = { aor: 'bob@example.org', displayName: 'Bob', verified: false }
    const overlay = { name: 'office.example', open: false, organiser: true, rootFingerprint: 'ab' }
    await h.tell({ topic: 'account', value: { overlay, aor: 'alice@office.example', userName: 'alice', displayName: '', nodeId: '', certificate: { fingerprint: '', notBefore: 0, notAfter: 0, selfSigned: false }, keyProtection: 'keyring' } })
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'calling', remote }) })
    await show(CallStage, {}, '/call/c1')
    expect(screen.getByTestId('call-outside').textContent).toBe('Leaves office.example for example.org')
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'active', answeredAt: 1, security: 'dtls-srtp', farLeg: 'none', remote }) })
    expect(screen.queryByTestId('call-outside')).toBeNull()
    expect(screen.getByTestId('call-security').textContent).toBe('Not encrypted outside the overlay')
  })

  it('keeps the name of the mute button and tells its state apart', async () => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'active', answeredAt: 1, muted: true }) })
    await show(CallStage, {}, '/call/c1')
    expect(screen.getByTestId('mute').getAttribute('aria-pressed')).toBe('true')
    expect(screen.getByTestId('mute').getAttribute('aria-label')).toBe('Mute microphone')
    await fireEvent.click(screen.getByTestId('mute'))
    await settle()
    expect(h.asked.at(-1)).toEqual({ method: 'call.mute', params: { id: 'c1', muted: false } })
  })

  it('says why the call is over, and offers to call again or write', async () => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'calling' }) })
    await show(CallStage, {}, '/call/c1')
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'ended', end: 'user-offline', endedAt: 2 }) })
    await h.tell({ topic: 'calls', id: 'c1', value: null })
    expect(screen.getByTestId('call-end').textContent).toContain('Bob is offline')
    expect(screen.getByTestId('call-again')).toBeTruthy()
    expect(screen.getByTestId('call-message')).toBeTruthy()
  })

  it('calls again by the way that was dialled', async () => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'ended', end: 'call-busy', endedAt: 2, uri: 'sips:bob@example.org' }) })
    await show(CallStage, {}, '/call/c1')
    expect(screen.queryByTestId('call-follow')).toBeNull()
    await fireEvent.click(screen.getByTestId('call-again'))
    await settle()
    expect(h.asked.at(-1)).toMatchObject({ method: 'call.place', params: { uri: 'sips:bob@example.org' } })
  })

  it('offers to call by sip: where sips: leads to nobody, and says what that means', async () => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'ended', end: 'not-secure', endedAt: 2, uri: 'sips:bob@office.example' }) })
    await show(CallStage, {}, '/call/c1')
    expect(screen.getByTestId('call-end').textContent).toContain('others on the way may see it')
    expect(screen.getByTestId('call-again').textContent).toContain('Call by sip:')
    await fireEvent.click(screen.getByTestId('call-again'))
    await settle()
    expect(h.asked.at(-1)).toMatchObject({ method: 'call.place', params: { uri: 'sip:bob@office.example' } })
  })

  it('says where calls are sent on to, and goes there only when asked to', async () => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'out', state: 'ended', end: 'call-moved', endedAt: 2, movedTo: 'sip:bob@example.org;transport=tcp' }) })
    await show(CallStage, {}, '/call/c1')
    expect(screen.getByTestId('call-end').textContent).toContain('Bob takes calls elsewhere')
    expect(screen.getByTestId('call-moved').textContent).toContain('bob@example.org')
    expect(screen.getByTestId('call-follow').textContent).toContain('Call bob@example.org')
    expect(h.asked.some(({ method }) => method === 'call.place')).toBe(false)
    await fireEvent.click(screen.getByTestId('call-follow'))
    await settle()
    expect(h.asked.at(-1)).toMatchObject({ method: 'call.place', params: { uri: 'sip:bob@example.org;transport=tcp' } })
  })
})
