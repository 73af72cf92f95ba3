/** npm run bench: lists targets; npm run bench -- TARGET [SECTION]... [--peers N] [--rsa] [--quick] [--json] runs one. */
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { orUsage } from '../support/usage.ts'
import { calibrate, table, type Figure } from './measure.ts'
import { reloadSections, type ReloadOptions } from './reload/main.ts'
import { sipSections } from './sip/main.ts'

interface Target { readonly about: string; readonly sections: Readonly<Record<string, (options: ReloadOptions) => Promise<readonly Figure[]>>> }

const targets: Readonly<Record<string, Target>> = {
  reload: { about: 'the overlay: messages, one hop, two peers, a ring beside hyperdht', sections: reloadSections },
  sip: { about: 'SIP: messages, transactions, proxy and registrar beside other stacks', sections: sipSections },
}

const usage = 'usage: npm run bench -- TARGET [SECTION]... [--peers N] [--rsa] [--quick] [--json]'
const { positionals, values } = orUsage(usage, () => parseArgs({
  allowPositionals: true, options: { peers: { type: 'string', default: '128' }, quick: { type: 'boolean', default: false }, rsa: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
}))
const [name, ...wanted] = positionals
const target = name === undefined ? undefined : targets[name]
const unknown = target === undefined ? [] : wanted.filter((section) => !Object.hasOwn(target.sections, section))
if (target === undefined || unknown.length > 0) {
  if (name !== undefined) console.error(`no ${unknown.length > 0 ? `section ${unknown.join(', ')}` : `target ${name}`}`)
  console.log(`${usage}\n`)
  for (const [title, { about, sections }] of Object.entries(targets)) console.log(`  ${title.padEnd(10)} ${about}\n  ${''.padEnd(10)} sections: ${Object.keys(sections).join(' ')}`)
  process.exit(name === undefined ? 0 : 2)
}
const options = { peers: Number(values.peers), quick: values.quick, rsa: values.rsa }
const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), node: process.versions.node, loadBefore: loadavg()[0], calibrationMs: Math.round(calibrate() * 10) / 10 }
if (!values.json) console.log(`${machine.cores} × ${machine.cpu}, Node ${machine.node}, load ${machine.loadBefore?.toFixed(1) ?? ''}, calibration loop ${machine.calibrationMs} ms`)
const figures: Figure[] = []
for (const [section, measure] of Object.entries(target.sections)) {
  if (wanted.length > 0 && !wanted.includes(section)) continue
  const some = await measure(options)
  figures.push(...some)
  if (!values.json) console.log(table(some))
}
const after = { loadAfter: loadavg()[0], calibrationAfterMs: Math.round(calibrate() * 10) / 10 }
if (values.json) console.log(JSON.stringify({ target: name, ...options, machine: { ...machine, ...after }, figures }))
else console.log(`\nload ${after.loadAfter?.toFixed(1) ?? ''} at the end, calibration loop ${after.calibrationAfterMs} ms`)
// Sockets of what was measured may linger.
setTimeout(() => { process.exit(0) }, 500)
