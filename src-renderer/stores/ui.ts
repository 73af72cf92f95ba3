/** What only this window knows: open sheets, toasts, and how failures are told. */
import { defineStore } from 'pinia'
import { ref, shallowReactive } from 'vue'
import { ContractError } from '@shared/ipc/client.ts'
import type { ErrorCode } from '@shared/errorCodes.ts'

export interface Toast { id: number; kind: 'info' | 'error'; text: string; detail: string }
export type Sheet = 'none' | 'add-contact' | 'invite' | 'shortcuts' | 'status'

export const codeOf = (cause: unknown): ErrorCode => (cause instanceof ContractError ? cause.code : 'internal')

export const useUi = defineStore('ui', () => {
  const sheet = ref<Sheet>('none')
  /** an address to start the contact dialog with */
  const contactDraft = ref('')
  /** a link that came from outside, for the first-run screen */
  const pendingLink = ref('')
  const toasts = shallowReactive<Toast[]>([])
  let nextId = 1

  function dropToast(id: number): void {
    const at = toasts.findIndex((toast) => toast.id === id)
    if (at >= 0) toasts.splice(at, 1)
  }
  function toast(kind: Toast['kind'], text: string, detail = ''): void {
    if (toasts.some((t) => t.text === text && t.detail === detail)) return
    const id = nextId++
    toasts.push({ id, kind, text, detail })
    if (toasts.length > 3) toasts.shift()
    setTimeout(() => { dropToast(id) }, kind === 'error' ? 10_000 : 4_000)
  }
  function addContact(draft = ''): void {
    contactDraft.value = draft
    sheet.value = 'add-contact'
  }
  return { sheet, contactDraft, pendingLink, toasts, toast, dropToast, addContact }
})
