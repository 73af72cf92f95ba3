/**
 * `ports/log` with pino: one JSON object a line, to a file of mode 0600 or to stderr. Fields whose names speak of
 * secrets are blanked whoever wrote them.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import pino, { type Logger } from 'pino'
import type { Log } from '../ports/log.ts'

export interface LogOptions {
  /** Where to: a file (appended to), or 'stderr'. */
  readonly to: string
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

const secrets = ['password', 'invitation', 'invitationCode', 'token', 'key', 'privateKey', 'secret', 'pkcs8', 'body', 'text', 'link', 'credential', 'ice-pwd']

class PinoLog implements Log {
  constructor(private readonly logger: Logger) {}
  debug(event: string, fields?: Readonly<Record<string, unknown>>): void { this.logger.debug(fields ?? {}, event) }
  info(event: string, fields?: Readonly<Record<string, unknown>>): void { this.logger.info(fields ?? {}, event) }
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void { this.logger.warn(fields ?? {}, event) }
  error(event: string, fields?: Readonly<Record<string, unknown>>): void { this.logger.error(fields ?? {}, event) }
  child(area: string): Log { return new PinoLog(this.logger.child({ area })) }
}

/** Written synchronously: a log that loses its last lines in a crash is of no use. */
export function createNodeLog({ to, level }: LogOptions): { readonly log: Log; close(): void } {
  let fd = 2
  if (to !== 'stderr') {
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
    fd = openSync(to, 'a', 0o600)
  }
  const destination = pino.destination({ fd, sync: true })
  const logger = pino({
    level, base: null, timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secrets.flatMap((name) => (name.includes('-') ? [`["${name}"]`, `*["${name}"]`] : [name, `*.${name}`])), censor: '[removed]' },
    serializers: { cause: pino.stdSerializers.err, error: pino.stdSerializers.err },
    formatters: { level: (label) => ({ level: label }) },
  }, destination)
  let open = true
  return {
    log: new PinoLog(logger),
    close() {
      if (!open) return
      open = false
      destination.flushSync()
      if (fd !== 2) closeSync(fd)
    },
  }
}

/** A log that keeps nothing, for commands that print their own result. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }
