/** Listening of Node's servers with the errors of the ports. */
import type { Server } from 'node:net'
import { PeerError } from '../base/errors.ts'
import type { SocketAddress } from '../ports/secureStream.ts'
import { socketAddress } from './socketStream.ts'

/** Puts a socket error of binding into the port's words. */
export function bindError(error: NodeJS.ErrnoException, address: SocketAddress): Error {
  const where = `${address.host}:${address.port}`
  if (error.code === 'EADDRINUSE') return new PeerError('port-in-use', `port ${address.port} of ${address.host} is in use`, { cause: error })
  if (error.code === 'EACCES') return new PeerError('port-in-use', `this user may not listen on ${where}`, { cause: error })
  if (error.code === 'EADDRNOTAVAIL') return new PeerError('invalid-argument', `${address.host} is no address of this machine`, { cause: error })
  return error
}

/** @returns where the server listens now. @throws PeerError 'port-in-use' */
export function listenOn(server: Server, address: SocketAddress): Promise<SocketAddress> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => { reject(bindError(error, address)) }
    server.once('error', failed)
    server.listen({ host: address.host, port: address.port, exclusive: true }, () => {
      server.off('error', failed)
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? socketAddress(bound.address, bound.port) : address)
    })
  })
}

/** Stops listening and waits until the server is done with it; connections are the caller's to close first. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => { server.close(() => { resolve() }) })
}
