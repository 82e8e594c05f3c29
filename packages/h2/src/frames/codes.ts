/** What RFC 9113 numbers: types of frames, flags, error codes, settings. */

/** Types of frames (RFC 9113 §6; PRIORITY_UPDATE: RFC 9218 §7.1). */
export const FRAME = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
  priorityUpdate: 0x10,
} as const;

/** Flags; each counts for the types of frames that define it and is ignored on others (RFC 9113 §4.1). */
export const FLAG = {
  endStream: 0x1,
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** Error codes of RST_STREAM and GOAWAY (RFC 9113 §7). */
export const ERROR_CODE = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

/** The number of an error on the wire; unknown ones may come and mean nothing more than an end (RFC 9113 §7). */
export type ErrorCode = number;

/** Identifiers of SETTINGS (RFC 9113 §6.5.2; no RFC 7540 priorities: RFC 9218 §2.1). */
export const SETTING = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  noRfc7540Priorities: 0x9,
} as const;

/** What a client says first (RFC 9113 §3.4). */
export const CLIENT_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Octets before the payload of each frame (RFC 9113 §4.1). */
export const FRAME_HEADER_BYTES = 9;

/** The payload that every receiver takes, and the most that we send and take (RFC 9113 §4.2). */
export const FRAME_PAYLOAD_BYTES_MAX = 16_384;

/** The window of a connection, and of a stream until SETTINGS say otherwise (RFC 9113 §6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535;

/** The largest window and the largest stream id (RFC 9113 §6.9.1, §5.1.1). */
export const INT31_MAX = 0x7fff_ffff;
