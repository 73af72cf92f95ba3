// A network namespace that has loopback only: what runs in it cannot send a packet to any other machine, and meets no
// other Ringway that happens to run on this network. Multicast is routed to loopback, so that LAN discovery works.
import { spawnSync } from 'node:child_process'

const setUp = [
  'ip link set lo up', 'ip link set lo multicast on',
  'ip route add 224.0.0.0/4 dev lo', 'ip -6 route add ff00::/8 dev lo table local',
].map((line) => `${line} 2>/dev/null`).join('; ')

function namespaceFlags() {
  if (process.platform !== 'linux') return undefined
  for (const flags of ['-n', '-rn']) {
    if (spawnSync('unshare', [flags, 'sh', '-c', 'ip link set lo up']).status === 0) return flags
  }
  return undefined
}

/** @returns the command that runs `command` cut off from every network, or as it is where that cannot be done */
export function loopbackOnly(command) {
  const flags = namespaceFlags()
  if (flags === undefined) return { command, isolated: false }
  return { command: ['unshare', flags, 'sh', '-c', `${setUp}; exec "$@"`, 'sh', ...command], isolated: true }
}
