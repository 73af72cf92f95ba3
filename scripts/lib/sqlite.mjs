// better-sqlite3 for old runtimes. Its prebuilt binaries need Node-API 10; Electron 33 has Node-API 9 and crashes on
// them. The one thing of version 10 that its sources use, references to strings, is in version 9 behind the
// experimental flag: built with that flag it loads in Node 20 to 24 and in Electron 33. better-sqlite3 looks in
// build/Release before prebuilds/, so a copy there is all it takes.
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cacheRoot, root } from './paths.mjs'
import { run, step } from './progress.mjs'
import { ensureTools } from './system.mjs'

const require = createRequire(join(root, 'package.json'))
const flags = '-O1 -fno-lto'

export async function ensureOldRuntimeSqlite() {
  const folder = dirname(require.resolve('better-sqlite3/package.json'))
  const target = join(folder, 'build/Release/better_sqlite3.node')
  if (existsSync(target)) return
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const cached = join(cacheRoot, `better-sqlite3-${version}-${process.platform}-${process.arch}-napi9x.node`)
  if (!existsSync(cached)) await compile(folder, cached)
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(cached, `${target}.part`)
  renameSync(`${target}.part`, target)
}

async function compile(folder, cached) {
  const left = await ensureTools(['compiler'], 'Compiling SQLite')
  if (left.length > 0) throw new Error('no compiler for SQLite')
  mkdirSync(cacheRoot, { recursive: true })
  const work = mkdtempSync(join(cacheRoot, 'tmp-'))
  try {
    await step('Compiling SQLite for this Electron, once for this machine (about a minute)', async () => {
      cpSync(folder, join(work, 'better-sqlite3'), { recursive: true })
      mkdirSync(join(work, 'node_modules'))
      symlinkSync(dirname(require.resolve('node-addon-api/package.json')), join(work, 'node_modules/node-addon-api'))
      const headers = dirname(createRequire(require.resolve('node/package.json')).resolve(`node-${process.platform}-${process.arch}/package.json`))
      await run(process.execPath, [require.resolve('node-gyp/bin/node-gyp.js'), 'rebuild', '--release', '--force_build=1', `--nodedir=${headers}`, '--jobs', '2'], {
        cwd: join(work, 'better-sqlite3'),
        // a nodedir of the user's npm configuration would win over the one given here
        env: { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name))), CFLAGS: flags, CXXFLAGS: `${flags} -UNAPI_VERSION -DNAPI_EXPERIMENTAL -DNODE_API_EXPERIMENTAL_NOGC_ENV_OPT_OUT`, LDFLAGS: '-fno-lto' },
      })
    })
    renameSync(join(work, 'better-sqlite3/build/Release/better_sqlite3.node'), cached)
  } finally { rmSync(work, { recursive: true, force: true }) }
}
