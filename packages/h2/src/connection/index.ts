/** The door of the room: one HTTP/2 connection, either side, without I/O (RFC 9113). */
export { Connection } from './connection.ts';
export type { ConnectionEnd, ConnectionError, H2Error, StreamEnd } from './errors.ts';
export type { ConnectionEvents, Evictable, Goaway, ReceiveBudget } from './events.ts';
export { FieldBlock } from './field-block.ts';
export {
  type ConnectionLimits,
  DEFAULT_CONNECTION_LIMITS,
  FIXED_LIMITS,
  HEADER_EXCESS_BYTES_MAX,
  type LimitName,
  type Rate,
} from './limits.ts';
export type { ConnectionSetup } from './phase.ts';
export type { H2Stream, OwnershipLedger, SentBlock, StreamEvents } from './stream.ts';
export { WaitingRoom } from './waiting.ts';
