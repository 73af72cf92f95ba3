/**
 * What two nodes say to each other first on a link made without an Attach, such as to a bootstrap node, when one of
 * them has several Node-IDs (RFC 6940 §4.2.1): a Ping tells which Node-ID the other end acts under, an Attach tells
 * ours. Nodes with one Node-ID each say nothing: their certificates have said it.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { SecureStream } from '../../ports/secureStream.ts'
import type { Attach } from '../attach/attach.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import type { RequestSender } from '../transaction/exchange.ts'
import { encodeContents } from '../wire/bodies.ts'
import { MessageCode } from '../wire/constants.ts'
import { wildcardNodeId } from '../wire/identifiers.ts'

export interface IntroductionDependencies {
  readonly nodeId: Uint8Array
  readonly certificate: Certificate
  readonly table: Pick<ConnectionTable, 'unattachedOf' | 'attached' | 'get'>
  readonly sender: RequestSender
  readonly attach: Pick<Attach, 'attach'>
  nodeIdsOf(certificate: Certificate): readonly Uint8Array[]
}

/**
 * The Node-ID at the other end of a stream that we have opened; undefined when the stream was refused or leads to ourselves.
 * @throws what a request throws; the signal's reason
 */
export async function introduce(deps: IntroductionDependencies, stream: SecureStream, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const { table, sender, attach, nodeId, certificate } = deps
  const standsAs = table.unattachedOf(stream)
  let peer = deps.nodeIdsOf(stream.peerCertificate)[0]
  if (standsAs !== undefined) {
    const padding = new Uint8Array(0)
    const answer = await sender.request([{ node: wildcardNodeId }], MessageCode.pingReq, encodeContents('pingReq', { padding }).messageBody, signal, { through: standsAs, transmissions: 2 })
    peer = answer.signer.nodeId
    if (equalBytes(peer, nodeId)) { stream.destroy(); return undefined }
    table.attached(standsAs, peer)
  }
  if (peer === undefined || table.get(peer) === undefined) return undefined
  if (deps.nodeIdsOf(certificate).length > 1) await attach.attach([{ node: peer }], signal, { forUpdate: true })
  return peer
}
