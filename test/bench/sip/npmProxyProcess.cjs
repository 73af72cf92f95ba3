// npm sip's stateful proxy with its own example's registrar, and Record-Route, on 127.0.0.10:5060. No digest.
'use strict'
// Its sockets get the same receive buffer as the other servers have.
const dgram = require('node:dgram')
const { createSocket } = dgram
dgram.createSocket = (type, listener) => createSocket({ ...(typeof type === 'string' ? { type } : type), recvBufferSize: 4 << 20 }, listener)
const sip = require('sip/sip.js')
const proxy = require('sip/proxy.js')

const contacts = new Map()
proxy.start({ address: '127.0.0.10', port: 5060, tcp: false, publicAddress: '127.0.0.10', hostname: '127.0.0.10' }, (request) => {
  if (request.method === 'REGISTER') {
    contacts.set(sip.parseUri(request.headers.to.uri).user, request.headers.contact)
    const response = sip.makeResponse(request, 200, 'OK')
    response.headers.to.params.tag = String(Math.floor(Math.random() * 1e9))
    response.headers.contact = request.headers.contact
    proxy.send(response)
    return
  }
  const route = request.headers.route
  if (route && route.length > 0 && sip.parseUri(route[0].uri).host === '127.0.0.10') {
    route.shift()
    if (route.length === 0) delete request.headers.route
    proxy.send(request)
    return
  }
  const found = contacts.get(sip.parseUri(request.uri).user)
  if (!found) { proxy.send(sip.makeResponse(request, 404, 'Not Found')); return }
  request.uri = found[0].uri
  request.headers['record-route'] = [{ uri: 'sip:127.0.0.10:5060;lr' }, ...(request.headers['record-route'] || [])]
  proxy.send(sip.makeResponse(request, 100, 'Trying'))
  proxy.send(request)
})
console.log('ready')
