/** The parts of the package `opusscript` that are used without its loader (see opus.ts). */
declare module 'opusscript/build/opusscript_native_wasm.js' {
  export interface OpusHandler {
    _encode(pcm: number, pcmBytes: number, packet: number, samplesPerFrame: number): number
    _decode(packet: number, packetBytes: number, pcm: number): number
    _encoder_ctl(request: number, value: number): number
  }
  export interface OpusModule {
    readonly HEAPU8: Uint8Array
    readonly OpusScriptHandler: {
      new(sampleRate: number, channels: number, application: number): OpusHandler
      destroy_handler(handler: OpusHandler): void
    }
    _malloc(bytes: number): number
    _free(pointer: number): void
  }
  const create: (options: { readonly wasmBinary: Uint8Array }) => OpusModule
  export default create
}

declare module '*.wasm?url&inline' {
  /** data:application/wasm;base64,… */
  const dataUrl: string
  export default dataUrl
}
