// The ranks of docs/ARCHITECTURE.md: a folder may import itself and what stands in its row.
const SHARED = '^src-shared/'
const main = (f) => `^src-main/${f}(/|\\.ts$)`
const low = ['base', 'ports']
const may = {
  base: [], ports: ['base'],
  sdp: low, stun: low,
  turn: [...low, 'stun'],
  sip: [...low, 'sdp', 'stun'], reload: low,
  connectivity: [...low, 'stun', 'turn', 'reload'],
  enrollment: [...low, 'reload/config', 'reload/security', 'reload/wire'],
  p2psip: [...low, 'sip', 'reload', 'connectivity', 'phone/targetResolver', 'phone/address', 'enrollment/identity'],
  phone: [...low, 'sip', 'sdp'],
  media: [...low, 'sdp', 'sip/bridge', 'sip/transport', 'phone/mediaPort'],
  store: [...low, 'reload/storage', 'reload/wire', 'phone', 'enrollment', 'connectivity'],
  peer: [...low, 'sdp', 'stun', 'turn', 'sip', 'reload', 'connectivity', 'enrollment', 'p2psip', 'phone', 'media', 'store'],
  ipc: [...low, 'phone', 'peer', 'enrollment', 'connectivity', 'reload/overlay', 'p2psip', 'media'],
  node: [...low, 'reload/wire'],
}
const sharedFor = { node: ['ipc'], base: ['errorCodes'], phone: ['model', 'errorCodes'], store: ['model', 'errorCodes'], enrollment: ['model', 'errorCodes'], connectivity: ['model'], p2psip: ['model'], media: ['model'], peer: ['model', 'errorCodes'], ipc: ['ipc', 'model', 'errorCodes'] }
const rule = (name, from, allowed, shared = []) => ({
  name, severity: 'error', from: { path: main(from) },
  to: { path: '^src-(main|renderer|shared)/', pathNot: [from, ...allowed].map(main).concat(shared.map((s) => `${SHARED}${s}`)) },
})
const order = (area, rows) => rows.flatMap((row, i) => row.map((f) => ({
  name: `${area}-${f}`, severity: 'error', from: { path: main(`${area}/${f}`) },
  to: { path: main(area), pathNot: [f, ...rows.slice(0, i).flat()].map((x) => main(`${area}/${x}`)) },
})))
module.exports = {
  forbidden: [
    ...Object.entries(may).map(([f, a]) => rule(`rank-${f}`, f, a, sharedFor[f])),
    ...order('sip', [['message'], ['auth', 'transport'], ['locationService', 'bridge'], ['transaction'], ['dialog'], ['ua', 'proxy', 'registrar', 'redirect'], ['element']]),
    ...order('reload', [['wire'], ['config', 'security', 'link'], ['forwarding'], ['transaction'], ['attach'], ['topology', 'storage'], ['usages'], ['overlay']]),
    { name: 'node-only-at-the-rim', severity: 'error', from: { path: '^src-(main|shared)/', pathNot: '^src-main/(node|cli|electron|store|media)/' }, to: { dependencyTypes: ['core'] } },
    { name: 'electron-only-in-electron', severity: 'error', from: { pathNot: '^src-main/electron/' }, to: { path: '(^|node_modules/)electron(/|$)' } },
    { name: 'renderer-sees-shared-only', severity: 'error', from: { path: '^src-renderer/' }, to: { path: '^src-main/' } },
    { name: 'shared-sees-nothing', severity: 'error', from: { path: SHARED }, to: { path: '^src-(main|renderer)/' } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^electron$' } },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' }, tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.vue', '.js', '.mjs'], exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
}
