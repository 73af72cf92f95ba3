/**
 * Code points of RELOAD and its extensions: RFC 6940 §14, RFC 7263 §8, RFC 7363 §9, RFC 7374 §10, RFC 7851 §9,
 * RFC 7904 §9. Names are the registries'.
 */

export const RELO_TOKEN = 0xd2454c4f
/** Version 1.0 times ten. */
export const RELOAD_VERSION = 0x0a
export const DEFAULT_INITIAL_TTL = 100
export const NODE_ID_LENGTH = 16
export const RELOAD_PORT = 6084
/** `configuration_sequence` of a ConfigUpdate that must be accepted always (§6.3.2.1). */
export const ANY_CONFIGURATION_SEQUENCE = 65535

/** §14.8: requests are odd, the answer is the request plus one. */
export const MessageCode = {
  probeReq: 0x01, probeAns: 0x02, attachReq: 0x03, attachAns: 0x04, storeReq: 0x07, storeAns: 0x08,
  fetchReq: 0x09, fetchAns: 0x0a, findReq: 0x0d, findAns: 0x0e, joinReq: 0x0f, joinAns: 0x10,
  leaveReq: 0x11, leaveAns: 0x12, updateReq: 0x13, updateAns: 0x14, routeQueryReq: 0x15, routeQueryAns: 0x16,
  pingReq: 0x17, pingAns: 0x18, statReq: 0x19, statAns: 0x1a, appAttachReq: 0x1d, appAttachAns: 0x1e,
  configUpdateReq: 0x21, configUpdateAns: 0x22, pathTrackReq: 0x27, pathTrackAns: 0x28,
  error: 0xffff,
} as const

const messageNames = new Map<number, string>(Object.entries(MessageCode).map(([name, code]) => [code, name]))

/** Such as `storeReq`; undefined for a code without meaning here. */
export function messageName(code: number): string | undefined { return messageNames.get(code) }
/** Requests are odd and below the error response's range. */
export function isRequest(code: number): boolean { return code % 2 === 1 && code < 0x8000 }
export function answerCode(request: number): number { return request + 1 }

/** §14.9 and RFC 7851 §9.4. */
export const ErrorCode = {
  forbidden: 0x02, notFound: 0x03, requestTimeout: 0x04, generationCounterTooLow: 0x05, incompatibleWithOverlay: 0x06,
  unsupportedForwardingOption: 0x07, dataTooLarge: 0x08, dataTooOld: 0x09, ttlExceeded: 0x0a, messageTooLarge: 0x0b,
  unknownKind: 0x0c, unknownExtension: 0x0d, responseTooLarge: 0x0e, configTooOld: 0x0f, configTooNew: 0x10,
  inProgress: 0x11, expA: 0x12, expB: 0x13, invalidMessage: 0x14, underlayDestinationUnreachable: 0x15,
  underlayTimeExceeded: 0x16, messageExpired: 0x17, upstreamMisrouting: 0x18, loopDetected: 0x19, ttlHopsExceeded: 0x1a,
} as const

const errorNames = new Map<number, string>([
  [0x02, 'Error_Forbidden'], [0x03, 'Error_Not_Found'], [0x04, 'Error_Request_Timeout'], [0x05, 'Error_Generation_Counter_Too_Low'],
  [0x06, 'Error_Incompatible_with_Overlay'], [0x07, 'Error_Unsupported_Forwarding_Option'], [0x08, 'Error_Data_Too_Large'],
  [0x09, 'Error_Data_Too_Old'], [0x0a, 'Error_TTL_Exceeded'], [0x0b, 'Error_Message_Too_Large'], [0x0c, 'Error_Unknown_Kind'],
  [0x0d, 'Error_Unknown_Extension'], [0x0e, 'Error_Response_Too_Large'], [0x0f, 'Error_Config_Too_Old'], [0x10, 'Error_Config_Too_New'],
  [0x11, 'Error_In_Progress'], [0x12, 'Error_Exp_A'], [0x13, 'Error_Exp_B'], [0x14, 'Error_Invalid_Message'],
  [0x15, 'Error_Underlay_Destination_Unreachable'], [0x16, 'Error_Underlay_Time_Exceeded'], [0x17, 'Error_Message_Expired'],
  [0x18, 'Error_Upstream_Misrouting'], [0x19, 'Error_Loop_Detected'], [0x1a, 'Error_TTL_Hops_Exceeded'],
])

/** The registry's name, such as `Error_Not_Found`, or `Error_0x….` */
export function errorName(code: number): string { return errorNames.get(code) ?? `Error_0x${code.toString(16).padStart(2, '0')}` }

/** §14.10. */
export const OverlayLink = { dtlsUdpSr: 1, dtlsUdpSrNoIce: 3, tlsTcpFhNoIce: 4 } as const

/** §14.12 and RFC 7263 §8. */
export const ForwardingOptionType = { extensiveRoutingMode: 2 } as const
/** §6.3.2.3 and RFC 7263 §5.2.1. */
export const ForwardingOptionFlag = { forwardCritical: 0x01, destinationCritical: 0x02, responseCopy: 0x04, ignoreStateKeeping: 0x08 } as const

/** §14.14, RFC 7851 §9.5, RFC 7363 §9.1. */
export const ExtensionType = { diagnosticPing: 2, selfTuningData: 3 } as const

/** §14.5. */
export const ApplicationId = { sip: 5060, sips: 5061 } as const

/** TLS registries, as SignatureAndHashAlgorithm uses them (§6.3.4). */
export const HashAlgorithm = { none: 0, sha1: 2, sha256: 4, sha384: 5, sha512: 6 } as const
export const SignatureAlgorithm = { anonymous: 0, rsa: 1, ecdsa: 3 } as const
export const CertificateType = { x509: 0 } as const
