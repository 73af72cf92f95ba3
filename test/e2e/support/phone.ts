/** One Ringway under test, however it runs: a page to click in, and a way to end it and start it again. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'

export interface Phone {
  readonly page: Page
  /** what its microphone hears */
  readonly hz: number
  /** Ends the app in order; the profile stays. */
  close(): Promise<void>
}

/** A folder for the profiles of one test file, gone after it. */
export class Profiles {
  private readonly dir = mkdtempSync(join(tmpdir(), 'ringway-e2e-'))
  private readonly phones = new Set<Phone>()

  path(name: string): string { return join(this.dir, name) }

  /** The phone is closed with the folder, if the test has not done it. */
  keep<P extends Phone>(phone: P): P {
    this.phones.add(phone)
    return phone
  }

  /** What the peer of a profile has logged, for a test that failed. */
  log(name: string): string {
    try {
      return readFileSync(join(this.path(name), 'ringway.log'), 'utf8')
    } catch (cause) { return String(cause) }
  }

  async remove(): Promise<void> {
    await Promise.allSettled([...this.phones].map((phone) => phone.close()))
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}
