// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from '@testing-library/vue'
import { TooltipProvider } from 'reka-ui'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { h as node } from 'vue'
import { ContractError } from '@shared/ipc/client.ts'
import type { PhoneView } from '@shared/model/index.ts'
import PhoneSettings from '../../../../src-renderer/components/PhoneSettings.vue'
import { i18n } from '../../../../src-renderer/i18n/index.ts'
import { phoneServer } from '../../../../src-renderer/lib/phoneServer.ts'
import { makeRouter } from '../../../../src-renderer/router.ts'
import { emptyState } from '../../../../src-renderer/stores/peer.ts'
import { harness, settle, type Harness } from '../stores/harness.ts'

const serving = { ...emptyState().status, roles: ['proxy' as const, 'registrar' as const], sip: '192.0.2.10:5060', sipTlsPort: 5061 }
const desk: PhoneView = { userName: 'desk', displayName: 'Desk phone', createdAt: 1, registrations: [{ contact: 'sip:desk@192.0.2.7', userAgent: 'baresip', expiresS: 200 }] }
let h: Harness, phones: PhoneView[]

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  h = await harness({ ...emptyState(), status: serving })
  phones = []
  h.script['phones.list'] = () => phones
})
afterEach(() => { cleanup(); vi.useRealTimers() })

async function show(): Promise<void> {
  render({ render: () => node(TooltipProvider, () => node(PhoneSettings)) }, { global: { plugins: [h.pinia, i18n, makeRouter()] } })
  await settle()
}
const asked = (method: string): number => h.asked.filter((each) => each.method === method).length

describe('phones in the settings', () => {
  it('says that there are none, and shows one that logs in while the page is open', async () => {
    await show()
    expect(screen.getByTestId('phones-empty').textContent).toContain('No phones yet')
    phones = [{ ...desk, registrations: [] }]
    await vi.advanceTimersByTimeAsync(4_000)
    await settle()
    expect(screen.getByTestId('phone-desk').textContent).toContain('Not logged in')
    phones = [desk]
    await vi.advanceTimersByTimeAsync(4_000)
    await settle()
    expect(screen.getByTestId('phone-desk').textContent).toContain('Logged in: baresip')
  })

  it('stops to ask when the page is left', async () => {
    await show()
    cleanup()
    const before = asked('phones.list')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(asked('phones.list')).toBe(before)
  })

  it('tells the password once, with what else the phone needs', async () => {
    h.script['phones.add'] = () => ({ phone: { ...desk, registrations: [] }, password: 'abcd-efgh', domain: 'office.example', aor: 'alice@office.example', server: '192.0.2.10:5060' })
    await show()
    await fireEvent.click(screen.getByTestId('phone-add'))
    await settle()
    await fireEvent.update(screen.getByTestId('phone-user'), ' desk ')
    await fireEvent.submit((screen.getByTestId('phone-user') as HTMLInputElement).form as HTMLFormElement)
    await settle()
    expect(h.asked).toContainEqual({ method: 'phones.add', params: { userName: 'desk' } })
    const text = screen.getByTestId('phone-made').textContent
    for (const needed of ['desk', 'abcd-efgh', 'office.example', '192.0.2.10', '5060', '5061', 'alice@office.example']) expect(text).toContain(needed)
    await fireEvent.click(screen.getByTestId('phone-done'))
    await fireEvent.click(screen.getByTestId('phone-add'))
    await settle()
    expect(document.body.textContent).not.toContain('abcd-efgh')
  })

  it('puts a name that is taken under its field', async () => {
    h.script['phones.add'] = () => { throw new ContractError('name-taken', 'no') }
    await show()
    await fireEvent.click(screen.getByTestId('phone-add'))
    await settle()
    await fireEvent.update(screen.getByTestId('phone-user'), 'desk')
    await fireEvent.submit((screen.getByTestId('phone-user') as HTMLInputElement).form as HTMLFormElement)
    await settle()
    expect(screen.getByTestId('phone-user').getAttribute('aria-invalid')).toBe('true')
    expect(screen.queryByTestId('phone-made')).toBeNull()
  })

  it('removes only after a confirmation', async () => {
    phones = [desk]
    await show()
    await fireEvent.click(screen.getByTestId('phone-remove-desk'))
    await settle()
    expect(asked('phones.remove')).toBe(0)
    await fireEvent.click(screen.getByTestId('phone-remove-confirm'))
    await settle()
    expect(h.asked).toContainEqual({ method: 'phones.remove', params: { userName: 'desk' } })
  })

  it('says how to switch it on where the peer serves no phones', async () => {
    await h.tell({ topic: 'status', value: emptyState().status })
    await show()
    expect(screen.getByTestId('phones-off').textContent).toContain('ringway run --sip')
    expect(screen.queryByTestId('phones-server')).toBeNull()
  })
})

describe('the server to type into a phone', () => {
  it('is the address of RELOAD where SIP listens on all addresses, and unknown where both do', () => {
    expect(phoneServer({ ...serving, sip: '0.0.0.0:5070', listen: '192.0.2.9:6084' })).toEqual({ host: '192.0.2.9', port: '5070', tlsPort: 5061 })
    expect(phoneServer({ ...serving, sip: '[::]:5070', listen: '0.0.0.0:6084' })?.host).toBeUndefined()
    expect(phoneServer({ ...serving, sip: '[2001:db8::1]:5070' })?.host).toBe('[2001:db8::1]')
  })
})
