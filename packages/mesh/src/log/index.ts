/** The door of the room: one structured line per event, with ids and without secrets. */
export { GATHERED_CHARS_MAX, GatheredLines, type GatheredLinesParts } from './gathered-lines.ts';
export {
  createLog,
  type Log,
  type LogFields,
  type LogLevel,
  type LogSink,
  type NodeLog,
  SECRET_FIELDS,
  silentLog,
} from './log.ts';
export { LOGGED_HEADER_CHARS_MAX, requestFields } from './request-fields.ts';
