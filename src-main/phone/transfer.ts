/**
 * A transfer that we ask for (RFC 5589 §6, §7): the call is put on hold, the other side is asked to call somebody, and
 * its reports are followed until the new call stands or has failed; then the call is resumed as it was.
 */
import type { CallView } from '@shared/model/index.ts'
import { assertNever } from '../base/errors.ts'
import type { DialogInfo, EstablishedCall } from '../sip/ua/userAgent.ts'
import type { Hold } from './hold.ts'

export type TransferView = NonNullable<CallView['transfer']>

export interface TransferUser {
  onTransferChanged(view: TransferView): void
  /** The new call stands: this one has done its work. */
  onTransferred(): void
}

/** 'holding' until the hold is agreed on or refused. */
type State = 'holding' | 'asked' | 'over'

export class Transfer {
  private state: State = 'holding'
  private readonly wasHeld: boolean

  /** @param target URI for Refer-To; `shown` is its address in the view */
  constructor(
    private readonly leg: EstablishedCall, private readonly hold: Hold, private readonly target: string, private readonly shown: string,
    private readonly replaces: DialogInfo | undefined, private readonly user: TransferUser,
  ) {
    this.wasHeld = hold.wanted
  }

  get active(): boolean { return this.state !== 'over' }

  start(): void {
    this.tell('asking')
    this.hold.want(true)
    this.onHoldChanged()
  }

  /** The hold that goes before the REFER is through, or refused. */
  onHoldChanged(): void {
    switch (this.state) {
      case 'holding':
        if (this.hold.steady) this.ask()
        return
      case 'asked': case 'over': return
      default: assertNever(this.state)
    }
  }

  stop(): void { this.state = 'over' }

  private ask(): void {
    this.state = 'asked'
    this.leg.refer({ target: this.target, ...(this.replaces === undefined ? {} : { replaces: this.replaces }) }, {
      onProgress: (status) => { if (this.active) this.tell(status >= 180 ? 'ringing' : 'calling') },
      onFinal: (status) => { if (this.active) this.onFinal(status) },
    })
  }

  private onFinal(status: number): void {
    this.state = 'over'
    if (status < 300) {
      this.tell('done', status)
      this.user.onTransferred()
      return
    }
    this.tell('failed', status)
    if (!this.wasHeld) this.hold.want(false)
  }

  private tell(state: TransferView['state'], status?: number): void {
    this.user.onTransferChanged({ by: 'me', target: this.shown, state, status: status ?? null })
  }
}
