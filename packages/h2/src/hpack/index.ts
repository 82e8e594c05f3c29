/** The door of the room: header blocks, read and written (RFC 7541). */
export type { DecodedList } from './block-cache.ts';
export {
  DEFAULT_HPACK_DECODER_LIMITS,
  type HeaderBlock,
  HpackDecoder,
  type HpackDecoderLimits,
  INITIAL_TABLE_BYTES,
} from './decoder.ts';
export { HpackEncoder, type SentList, type WrittenList } from './encoder.ts';
export { Field, type FieldFault, field } from './field.ts';
