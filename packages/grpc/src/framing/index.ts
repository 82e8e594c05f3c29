/** The door of the room: gRPC's length-prefixed messages in a stream of bytes. */
export { FRAME_PREFIX_BYTES, FrameScanner, type FrameSink } from './frame-scanner.ts';
export { MessageAssembler, type OnAssembled } from './message-assembler.ts';
export { type FramedMessage, joinSlices, MessageReader } from './message-reader.ts';
export { frameMessage, framePrefix } from './write-message.ts';
