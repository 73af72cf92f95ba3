/** Runs a test file in a network of its own: loopback and one address from TEST-NET-2, no way out. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** ICE of some phones never offers loopback: they need another address. */
export const namespaceAddress = '198.51.100.1'
/** Where the test file inside puts what it observed; undefined outside. */
export const resultFile = process.env['RINGWAY_NAMESPACE_RESULT']

const setUp = `ip link set lo up && { ip link add d0 type dummy || ip link add d0 type veth peer name d1; } 2>/dev/null && ip addr add ${namespaceAddress}/24 dev d0 && ip link set d0 up && { ip link set d1 up || true; } 2>/dev/null`
const root = join(import.meta.dirname, '../../..')

function flags(): string | undefined {
  return ['-n', '-Urn'].find((each) => spawnSync('unshare', [each, 'sh', '-c', setUp], { stdio: 'ignore' }).status === 0)
}

export const canMakeNamespace = process.platform === 'linux' && (resultFile !== undefined || flags() !== undefined)

/** @param project of vitest that the file belongs to. @returns what the same file observed inside. @throws with all output when it fails there */
export async function observeInNamespace(file: string, timeoutMs: number, project = 'interop'): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'namespace-'))
  const result = join(folder, 'result.json')
  const child = spawn('unshare', [flags() ?? '-n', 'sh', '-c', `${setUp}; exec "$@"`, 'sh', process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', project, file], {
    cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, RINGWAY_NAMESPACE_RESULT: result },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString() })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  try {
    const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
    if (code !== 0) throw new Error(`inside: ${code} ${output.slice(-16_000)}`)
    return JSON.parse(readFileSync(result, 'utf8'))
  } finally {
    clearTimeout(timer)
    rmSync(folder, { recursive: true, force: true })
  }
}
