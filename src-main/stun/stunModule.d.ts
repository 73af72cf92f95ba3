/** What we use of the package `stun`, which comes without types. */
declare module 'stun' {
  export interface StunMessage extends Iterable<{ readonly type: number }> {
    readonly type: number
    /** 12 bytes */
    readonly transactionId: Uint8Array
    /** Of RFC 3489: without the magic cookie. */
    isLegacy(): boolean
  }
  interface StunRequest extends StunMessage {
    addXorAddress(address: string, port: number): boolean
    addError(code: number, reason: string): boolean
    addUnknownAttributes(types: readonly number[]): boolean
  }
  const stun: {
    readonly constants: Readonly<Record<'STUN_BINDING_REQUEST' | 'STUN_BINDING_RESPONSE' | 'STUN_BINDING_ERROR_RESPONSE', number>>
    createMessage(type: number, transactionId: Uint8Array): StunRequest
    encode(message: StunMessage): Uint8Array
    /** @throws Error of any kind for what is no STUN message */
    decode(bytes: Buffer): StunMessage
  }
  export default stun
}
