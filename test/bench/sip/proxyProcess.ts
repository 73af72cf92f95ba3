/** Our proxy and registrar on 127.0.0.10:5060 in a process of its own. `--open` as argument: nobody is asked for a password. */
import { keepHeapLevel } from '../../../src-main/node/heap.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { benchProxy, HOST } from './proxyBench.ts'

keepHeapLevel() // as `ringway run` does
await benchProxy(createNodeNetwork(), process.argv.includes('--open')).listen({ host: HOST, port: 5060 })
console.log('ready')
process.on('SIGTERM', () => { process.exit(0) }) // so that a profile is written
