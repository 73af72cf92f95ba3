/** `ringway …`: the command line. Declares the commands; what each does stands in commands/. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { Context } from './context.ts'
import { createOutput, printFailure } from './output.ts'
import { profileDir } from './profile.ts'
import { ringwayVersion } from './version.ts'

type Action = (context: Context, ...args: never[]) => Promise<number | undefined>

const wholeNumber = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('not a whole number')
  return value
}
const positive = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('not a number above zero')
  return value
}
const list = (value: string, all: string[]): string[] => [...all, value]

/** Runs `load`'s action with the context of the command's global options; its result is the exit code. */
function does<A extends Action>(program: Command, load: () => Promise<A>): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    args.pop() // commander appends the command itself
    const { profile, json } = program.opts<{ profile?: string; json?: boolean }>()
    const context: Context = { profile: profileDir(profile), output: createOutput(json ?? false) }
    try {
      const action = await load()
      process.exitCode = (await action(context, ...(args as never[]))) ?? 0
    } catch (cause) {
      process.exitCode = printFailure(context.output, cause)
    }
  }
}

function createProgram(): Command {
  const program = new Command('ringway')
    .description('A phone that needs no server: SIP over a RELOAD overlay')
    .version(ringwayVersion)
    .option('--profile <dir>', 'everything of one installation lives here')
    .option('--json', 'one JSON object a line on standard output')
    .showHelpAfterError()
  program.exitOverride()

  const overlay = program.command('overlay').description('make an overlay, show its document, invite people')
  overlay.command('create').argument('<name>', 'such as office.example').description('make an overlay; this installation becomes its organiser')
    .option('--user <name>', 'your user name in it').option('--display-name <name>')
    .option('--open', 'anyone may join with a self-signed certificate')
    .option('--domain <pattern>', 'domains whose users it holds, besides its own name', list, [])
    .addOption(new Option('--topology <name>', 'how peers keep the overlay together: reload tells each change at once (RFC 6940), self-tuning goes by how many peers there are and how fast they come and go (RFC 7363), for large overlays')
      .choices(['reload', 'self-tuning']).default('reload'))
    .option('--diagnostics', 'your peer may read technical figures of every peer: ringway trace and ping show them')
    .option('--rsa', 'a key of RSA-2048 instead of ECDSA, for overlays with other software')
    .action(does(program, async () => (await import('./commands/overlay.ts')).create))
  overlay.command('show').description('print the overlay document').action(does(program, async () => (await import('./commands/overlay.ts')).show))
  overlay.command('invite').argument('<user>').description('make an invitation link with a one-time code')
    .option('--expires <hours>', 'until when it holds', positive)
    .option('--device', 'for one more device of somebody who is in the overlay already')
    .action(does(program, async () => (await import('./commands/overlay.ts')).invite))

  overlay.command('revoke').argument('<user>').description('exclude a user: his devices leave the overlay, and his open invitations are taken back')
    .option('--device <node-id>', 'only this device of his')
    .action(does(program, async () => (await import('./commands/overlay.ts')).revoke))

  overlay.command('diagnostics').addArgument(new Argument('<state>').choices(['on', 'off'])).description('whether your peer, the organiser’s, may read technical figures of every peer')
    .action(does(program, async () => (await import('./commands/overlay.ts')).diagnostics))

  program.command('join').argument('<link>', 'invitation link, overlay file, or address of the document').description('enrol into an overlay')
    .option('--user <name>').option('--display-name <name>')
    .option('--password <code>', 'the invitation code; - reads it from standard input')
    .option('--rsa', 'a key of RSA-2048 instead of ECDSA, for overlays with other software')
    .action(does(program, async () => (await import('./commands/join.ts')).join))

  program.command('run').description('run the peer until it is stopped')
    .option('--listen <host:port>', 'where RELOAD listens; port 6084, or a free one')
    .option('--bootstrap <host:port>', 'a known peer', list, [])
    .option('--client', 'take part as a client: attached to a peer, storing and routing nothing for others')
    .option('--no-multicast', 'neither look for peers on the local network nor be found there')
    .option('--serve <roles>', 'roles to offer, separated by commas: enrol, proxy, redirect, registrar')
    .option('--sip <host:port>', 'where ordinary SIP phones find this peer, over UDP and TCP; 0.0.0.0:5060')
    .option('--sip-ws <host:port>', 'where SIP phones in browsers find this peer, over WebSocket')
    .option('--sip-ca <file>', 'authorities in PEM whose certificates SIP servers of other domains may have, beside the public ones')
    .option('--name-server <host:port>', 'a name server to ask about other domains, instead of the system’s', list, [])
    .option('--answer <how>', 'answer calls: echo, reject, or a WAV file to play')
    .option('--record <dir>', 'record answered calls into WAV files here')
    .option('--ui [port]', 'serve the user interface to a browser on loopback')
    .option('--keylog <file>', 'write the TLS secrets of overlay connections here, for a wire capture: whoever has them can read the traffic')
    .option('--rescue-database', 'set a damaged database aside and start with a new one')
    .action(does(program, async () => (await import('./commands/run.ts')).run))

  program.command('call').argument('<uri>').description('call through the running peer')
    .option('--seconds <n>', 'hang up after so many seconds of conversation', positive)
    .option('--play <wav>', 'what to play').option('--record <wav>', 'write what is heard')
    .action(does(program, async () => (await import('./commands/call.ts')).call))
  program.command('send').argument('<uri>').argument('<text>').description('send a text message and wait until it is delivered')
    .option('--wait <seconds>', 'how long to wait', positive)
    .action(does(program, async () => (await import('./commands/message.ts')).send))

  const presence = program.command('presence').description('own and others’ presence')
  presence.command('set').argument('<state>', 'available, busy, away or offline').argument('[note]')
    .action(does(program, async () => (await import('./commands/presence.ts')).set))
  presence.command('watch').argument('<uri>').option('--count <n>', 'stop after so many changes', wholeNumber)
    .action(does(program, async () => (await import('./commands/presence.ts')).watch))

  const contacts = program.command('contacts').description('the people of this profile')
  contacts.command('list').action(does(program, async () => (await import('./commands/contacts.ts')).list))
  contacts.command('add').argument('<uri>').option('--name <name>').action(does(program, async () => (await import('./commands/contacts.ts')).add))
  contacts.command('remove').argument('<uri>').action(does(program, async () => (await import('./commands/contacts.ts')).remove))

  const calls = program.command('calls').description('past and running calls of this profile')
  calls.command('list').description('the latest, with the ids that trace takes').action(does(program, async () => (await import('./commands/calls.ts')).list))
  calls.command('trace').argument('<id>', 'of a call, or its Call-ID').description('the SIP messages of one of the last calls, with their times')
    .option('--text', 'whole messages, without bodies').option('--bodies', 'whole messages with bodies; keys and credentials are left out')
    .action(does(program, async () => (await import('./commands/calls.ts')).trace))

  const phones = program.command('phones').description('ordinary SIP phones that may log in at this peer')
  phones.command('list').action(does(program, async () => (await import('./commands/phones.ts')).list))
  phones.command('add').argument('<name>', 'the user name it logs in with').option('--display-name <name>')
    .option('--md5', 'for old phones that cannot log in otherwise: offer MD5 before SHA-256')
    .description('make an account and print its password, which is told only once').action(does(program, async () => (await import('./commands/phones.ts')).add))
  phones.command('remove').argument('<name>').action(does(program, async () => (await import('./commands/phones.ts')).remove))

  program.command('lookup').argument('<uri>').description('the registrations of an address, read and verified from the overlay')
    .action(does(program, async () => (await import('./commands/status.ts')).lookup))
  program.command('trace').argument('<uri>', 'an address, or a Node-ID').description('the peers on the way to an address in the overlay, and what they tell of themselves')
    .action(does(program, async () => (await import('./commands/status.ts')).trace))
  program.command('ping').argument('<uri>', 'an address, or a Node-ID').description('the round trip to a peer through the overlay, and what it tells of itself')
    .action(does(program, async () => (await import('./commands/status.ts')).ping))
  program.command('ring').description('the neighbours of this peer').action(does(program, async () => (await import('./commands/status.ts')).ring))
  program.command('status').description('how this peer is').option('--counters', 'what came, went and was refused, too').action(does(program, async () => (await import('./commands/status.ts')).status))
  program.command('ctl').argument('<method>').argument('[json]').description('any command of the contract')
    .action(does(program, async () => (await import('./commands/ctl.ts')).ctl))
  program.command('ui').option('--port <n>', 'a free one when absent', wholeNumber).description('serve the user interface of the running peer to a browser on loopback')
    .action(does(program, async () => (await import('./commands/ui.ts')).ui))
  program.command('dissect').argument('<file|hex>').option('--framed', 'link frames instead of bare messages').option('--reencode', 'print the bytes again')
    .description('decode a RELOAD message').action(does(program, async () => (await import('./commands/dissect.ts')).dissectCommand))
  program.command('demo').option('--peers <n>', 'how many peers, three at least', wholeNumber)
    .description('an overlay on this machine: enrol, join, presence, messages, a call with sound, verdict')
    .action(does(program, async () => (await import('./commands/demo.ts')).demo))
  // --profile and --json stand before or after the command
  const everywhere = (command: Command): void => {
    for (const sub of command.commands) {
      sub.exitOverride()
      if (sub.commands.length === 0) {
        sub.option('--profile <dir>', 'everything of one installation lives here').option('--json', 'one JSON object a line on standard output')
        sub.hook('preAction', (_, acting) => {
          const { profile, json } = acting.opts<{ profile?: string; json?: boolean }>()
          if (profile !== undefined) program.setOptionValue('profile', profile)
          if (json !== undefined) program.setOptionValue('json', json)
        })
      }
      everywhere(sub)
    }
  }
  everywhere(program)
  return program
}

try {
  await createProgram().parseAsync()
} catch (cause) {
  if (!(cause instanceof CommanderError)) throw cause
  process.exitCode = cause.exitCode === 0 ? 0 : 2
}
