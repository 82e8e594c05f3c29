/** The door of the room: bytes gathered until they are written. */
export { ByteWriter } from './byte-writer.ts';
