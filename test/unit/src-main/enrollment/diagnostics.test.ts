/** An organiser who wants to read figures of the peers says so in the document (RFC 7851 §7). */
import { expect, it } from 'vitest'
import { equalBytes } from '../../../../src-main/base/bytes.ts'
import { createAuthority } from '../../../../src-main/enrollment/createAuthority.ts'
import { checkDocument } from '../../../../src-main/enrollment/document.ts'
import { createMemoryAuthorityStore } from '../../../../src-main/enrollment/memoryStores.ts'
import { nextDocument } from '../../../../src-main/enrollment/nextDocument.ts'
import { createOpenOverlay } from '../../../../src-main/enrollment/selfSigned.ts'
import { withDiagnosticsFor } from '../../../../src-main/reload/config/configuration.ts'
import { mayRead } from '../../../../src-main/reload/overlay/diagnosticServer.ts'
import { Signer } from '../../../../src-main/reload/security/signer.ts'
import { diagnosticKinds } from '../../../../src-main/reload/wire/diagnostics.ts'
import { crypto } from '../../../support/certificates.ts'
import { makeProfile } from '../../../support/enrolment.ts'

const wanted = { overlayName: 'office.example', userName: 'olga', displayName: 'Olga' }

it.each(['with an authority', 'open'])('an overlay %s lets the organiser’s node read them when it is made so, and nobody otherwise', { timeout: 60_000 }, async (kind) => {
  for (const diagnostics of [true, false]) {
    const { ports, store } = makeProfile()
    const identity = kind === 'open' ? await createOpenOverlay(ports, store, { ...wanted, diagnostics })
      : await createAuthority(ports, { identity: store, authority: createMemoryAuthorityStore() }, { ...wanted, diagnostics })
    const { configuration } = checkDocument(ports, identity.document)
    expect(diagnosticKinds.filter((each) => mayRead(configuration, identity.nodeId, each))).toEqual(diagnostics ? diagnosticKinds : [])
    expect(configuration.diagnosticKinds.flatMap(({ accessNodes }) => accessNodes).every((node) => equalBytes(node, identity.nodeId))).toBe(true)
    expect(configuration.mandatoryExtensions).toEqual(diagnostics ? ['urn:ietf:params:xml:ns:p2p:config-diagnostics'] : [])
    const signer = new Signer(crypto, identity)
    const changed = checkDocument(ports, nextDocument(identity.document, 'office.example', (now) => withDiagnosticsFor(now, diagnostics ? [] : [identity.nodeId]), signer)).configuration
    expect([changed.sequence, mayRead(changed, identity.nodeId, 1)]).toEqual([configuration.sequence + 1, !diagnostics])
  }
})
