/** What a person does in Ringway, by the names of what they click on. Each step waits until it is done. */
import type { Locator, Page } from 'playwright-core'

const stepMs = 20_000
const id = (page: Page, name: string): Locator => page.getByTestId(name)

export async function createOverlay(page: Page, overlay: string, userName: string, open = false): Promise<void> {
  await id(page, 'welcome-create').click()
  await id(page, 'create-overlay').fill(overlay)
  await id(page, 'create-user').fill(userName)
  if (open) await id(page, 'create-kind-open').click()
  await id(page, 'create-submit').click()
  await id(page, 'status-bar').waitFor({ timeout: stepMs })
}

/** In the sheet that opens after an overlay was created, or from the first screen. @returns link and code */
export async function invite(page: Page, userName: string): Promise<{ link: string; code: string }> {
  const sheet = id(page, 'invite-sheet')
  if (!(await sheet.isVisible())) {
    await id(page, 'nav-chats').click()
    await id(page, 'invite').click()
  }
  await id(page, 'invite-user').fill(userName)
  await id(page, 'invite-make').click()
  const link = await id(page, 'invite-link').innerText()
  const code = await id(page, 'invite-code').innerText()
  await sheet.getByTestId('sheet-close').click()
  await sheet.waitFor({ state: 'hidden' })
  return { link: link.trim(), code: code.trim() }
}

/** Up to the form that asks who one is. */
export async function readLink(page: Page, link: string): Promise<void> {
  if ((await id(page, 'welcome').getAttribute('data-step')) === 'choose') await id(page, 'welcome-join').click()
  if (await id(page, 'join-other').isVisible()) await id(page, 'join-other').click()
  await id(page, 'join-link').fill(link)
  await id(page, 'join-read').click()
  await id(page, 'join-overlay').waitFor()
}

export async function readFile(page: Page, name: string, text: string): Promise<void> {
  if ((await id(page, 'welcome').getAttribute('data-step')) === 'choose') await id(page, 'welcome-join').click()
  await id(page, 'join-file-input').setInputFiles({ name, mimeType: 'application/xml', buffer: Buffer.from(text) })
}

export async function joinByLink(page: Page, link: string): Promise<void> {
  await readLink(page, link)
  await id(page, 'join-submit').click()
  await registered(page)
}

/** Joined (or alone) and registered: others can find this phone. */
export async function registered(page: Page, phase = ''): Promise<void> {
  await page.locator(`[data-testid=status-bar][data-registered=true]${phase === '' ? '' : `[data-phase=${phase}]`}`).waitFor({ timeout: 30_000 })
}

export async function addContact(page: Page, address: string, name: string): Promise<void> {
  await id(page, 'nav-contacts').click()
  await id(page, 'add-contact').click()
  await id(page, 'contact-address').fill(address)
  await id(page, 'contact-name').fill(name)
  await id(page, 'contact-save').click()
  await id(page, 'add-contact-sheet').waitFor({ state: 'hidden' })
}

/** @returns milliseconds it took until the contact was seen so */
export async function seesPresence(page: Page, aor: string, state: string, timeoutMs = stepMs): Promise<number> {
  const from = performance.now()
  await id(page, 'nav-contacts').click()
  await page.locator(`[data-testid="contact-${aor}"][data-presence="${state}"]`).waitFor({ timeout: timeoutMs })
  return performance.now() - from
}

export async function setPresence(page: Page, state: 'available' | 'busy' | 'away' | 'offline', note: string): Promise<void> {
  await id(page, 'own-status').click()
  await id(page, 'presence-note').fill(note)
  await id(page, 'presence-save').click()
  await id(page, 'presence-save').waitFor({ state: 'hidden' })
  await id(page, 'own-status').click()
  await id(page, `presence-${state}`).click()
  await page.keyboard.press('Escape')
  await id(page, 'presence-save').waitFor({ state: 'hidden' })
}

export async function openContact(page: Page, aor: string): Promise<void> {
  await id(page, 'nav-contacts').click()
  await id(page, `contact-${aor}`).click()
  await id(page, 'person').waitFor()
}

export async function call(page: Page, aor: string): Promise<void> {
  await openContact(page, aor)
  await id(page, 'person').getByTestId('call').click()
  await id(page, 'call-stage').waitFor({ timeout: stepMs })
}

export async function callIs(page: Page, state: string, timeoutMs = stepMs): Promise<void> {
  await page.locator(`[data-testid=call-stage][data-state="${state}"]`).waitFor({ timeout: timeoutMs })
}

export async function answer(page: Page): Promise<void> {
  await id(page, 'answer').click({ timeout: stepMs })
}

export async function openChat(page: Page, aor: string): Promise<void> {
  await openContact(page, aor)
  await id(page, 'person').getByTestId('message').click()
  await id(page, 'conversation').waitFor()
}

export async function sendMessage(page: Page, aor: string, text: string): Promise<void> {
  await openChat(page, aor)
  await id(page, 'composer').fill(text)
  await id(page, 'send').click()
}

/** A message of an open conversation. */
export async function message(page: Page, text: string, direction: 'in' | 'out', state: string): Promise<void> {
  await page.locator(`[data-testid=message-row][data-direction="${direction}"][data-state="${state}"]`).filter({ hasText: text }).waitFor({ timeout: stepMs })
}

/** The words of what the page complains about. */
export async function complaint(page: Page): Promise<string> {
  const error = page.locator('[aria-invalid=true]').first()
  const notice = page.locator('[role=alert]').first()
  await error.or(notice).first().waitFor({ timeout: stepMs })
  if (await notice.isVisible()) return notice.innerText()
  return page.locator(`#${(await error.getAttribute('aria-describedby')) ?? ''}`).innerText()
}
