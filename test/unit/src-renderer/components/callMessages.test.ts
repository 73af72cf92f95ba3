// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from '@testing-library/vue'
import { TooltipProvider } from 'reka-ui'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { h as node } from 'vue'
import { ContractError } from '@shared/ipc/client.ts'
import CallMessages from '../../../../src-renderer/components/CallMessages.vue'
import { i18n } from '../../../../src-renderer/i18n/index.ts'
import { makeRouter } from '../../../../src-renderer/router.ts'
import { harness, settle, type Harness } from '../stores/harness.ts'

let h: Harness
beforeEach(async () => {
  h = await harness()
  render({ render: () => node(TooltipProvider, () => node(CallMessages, { id: 'c1' })) }, { global: { plugins: [h.pinia, i18n, makeRouter()] } })
})
afterEach(cleanup)
const press = async (): Promise<void> => { await fireEvent.click(screen.getByTestId('trace-c1')); await settle() }

describe('the SIP messages of a call', () => {
  it('are asked for when opened, without bodies, and shown with time and direction', async () => {
    h.script['calls.trace'] = () => ({ callId: 'x', omitted: 0, messages: [{ at: Date.UTC(2026, 0, 1, 12, 0, 0, 5), direction: 'in', transport: 'TLS', remote: 'bob@office.example', summary: 'SIP/2.0 486 Busy Here (1 INVITE)', text: 'SIP/2.0 486 Busy Here\r\n' }] })
    expect(h.asked.some(({ method }) => method === 'calls.trace')).toBe(false)
    await press()
    expect(h.asked.at(-1)).toEqual({ method: 'calls.trace', params: { id: 'c1' } })
    expect(screen.getByTestId('trace').textContent).toMatch(/\d\d:\d\d:00[.,]005/)
    expect(screen.getByTestId('trace').textContent).toContain('486 Busy Here')
    expect(screen.getByLabelText('received')).toBeTruthy()
    await press()
    expect(screen.queryByTestId('trace')).toBeNull()
  })

  it('says so when the peer keeps none of this call', async () => {
    h.script['calls.trace'] = () => { throw new ContractError('call-unknown', 'gone') }
    await press()
    expect(screen.getByTestId('trace-none').textContent).toContain('not kept any more')
  })
})
