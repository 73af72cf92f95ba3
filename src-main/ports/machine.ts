/** What can be told of the program and the machine it runs on. undefined: not known here. */
export interface Machine {
  /** Printable US-ASCII, such as "Ringway/1.0.0 (Linux; x64) node/24.1.0" */
  readonly softwareVersion: string
  machineUptimeS(): number | undefined
  appUptimeS(): number
  /** of this process, in main memory */
  memoryBytes(): number
  /** 0 to 1: how much of the machine's processors or of its memory is in use, whichever is more */
  load(): number | undefined
  onBattery(): boolean | undefined
}
