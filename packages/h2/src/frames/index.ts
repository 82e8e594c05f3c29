/** The door of the room: frames as RFC 9113 §4 and §6 lay them out, read and written without I/O. */
export {
  CLIENT_PREFACE,
  DEFAULT_WINDOW_BYTES,
  ERROR_CODE,
  type ErrorCode,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_BYTES_MAX,
  INT31_MAX,
  SETTING,
} from './codes.ts';
export { type FrameFault, FrameReader, type FrameSink } from './frame-reader.ts';
export { deliverWithHeadroom, takeHeadroom } from './headroom.ts';
export {
  putFrameHeader,
  uint32At,
  writeFrameHeader,
  writeGoaway,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from './write-frames.ts';
