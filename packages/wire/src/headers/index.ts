/** The door of the room: names, forms and rules of header fields. */
export { decodeBinaryHeader, encodeBinaryHeader, splitBinaryHeader } from './binary-header.ts';
export { type HeaderReader, isVisibleAscii } from './header-reader.ts';
export {
  HEADER,
  INTERNAL_PREFIX,
  isInternalHeader,
  isStrippedTowardsRuntime,
  isTransportHeader,
  ORIGIN_HEADER,
} from './names.ts';
export {
  type CallTarget,
  forbidsRetry,
  isBalanced,
  readTarget,
  requiresAll,
  requireTarget,
  runtimeIdHeaders,
  TARGET_IDS_MAX,
  targetOfPayloadId,
  wantsOrigin,
} from './target.ts';
export { formatGrpcTimeout, parseGrpcTimeout, REST_TIMEOUT_MS_MAX, readRestTimeout } from './timeout.ts';
