/** The door of the room: one reader among many on a connection that reads nothing. */
export { LOSS_MAX, lossOf, stalledReaderTable } from './claims.ts';
export { type EchoPlan, EchoStream } from './echo-stream.ts';
export { runStalledReader, STALLED_READER, type StalledReaderFigures, type StalledReaderPlan } from './stalled-reader.ts';
