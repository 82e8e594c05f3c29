import type { ByteWriter } from '../bytes/index.ts';
import { FLAG, FRAME } from './codes.ts';

/** The nine octets before a payload of `length` octets (RFC 9113 §4.1). */
export function writeFrameHeader(writer: ByteWriter, length: number, type: number, flags: number, streamId: number): void {
  writer.u24(length);
  writer.u8(type);
  writer.u8(flags);
  writer.u32(streamId);
}

/** As {@link writeFrameHeader}, over what lies at `bytes[at]`. */
export function putFrameHeader(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes[at + 5] = streamId >>> 24;
  bytes[at + 6] = streamId >>> 16;
  bytes[at + 7] = streamId >>> 8;
  bytes[at + 8] = streamId;
}

/** RST_STREAM (RFC 9113 §6.4). */
export function writeRstStream(writer: ByteWriter, streamId: number, code: number): void {
  writeFrameHeader(writer, 4, FRAME.rstStream, 0, streamId);
  writer.u32(code);
}

/** WINDOW_UPDATE (RFC 9113 §6.9); stream 0 is the connection. */
export function writeWindowUpdate(writer: ByteWriter, streamId: number, byteCount: number): void {
  writeFrameHeader(writer, 4, FRAME.windowUpdate, 0, streamId);
  writer.u32(byteCount);
}

/** SETTINGS (RFC 9113 §6.5): identifiers and values, flat. */
export function writeSettings(writer: ByteWriter, settings: readonly number[]): void {
  writeFrameHeader(writer, (settings.length / 2) * 6, FRAME.settings, 0, 0);
  for (let at = 0; at < settings.length; at += 2) {
    writer.u16(settings[at] ?? 0);
    writer.u32(settings[at + 1] ?? 0);
  }
}

/** SETTINGS with ACK (RFC 9113 §6.5.3). */
export function writeSettingsAck(writer: ByteWriter): void {
  writeFrameHeader(writer, 0, FRAME.settings, FLAG.ack, 0);
}

/** PING (RFC 9113 §6.7): the eight octets at `bytes[start]`. */
export function writePing(writer: ByteWriter, flags: number, bytes: Uint8Array, start: number): void {
  writeFrameHeader(writer, 8, FRAME.ping, flags, 0);
  writer.raw(bytes, start, start + 8);
}

/** GOAWAY (RFC 9113 §6.8) with a word of why, in ASCII. */
export function writeGoaway(writer: ByteWriter, lastStreamId: number, code: number, why: string): void {
  writeFrameHeader(writer, 8 + why.length, FRAME.goaway, 0, 0);
  writer.u32(lastStreamId);
  writer.u32(code);
  for (let at = 0; at < why.length; at += 1) writer.u8(why.charCodeAt(at) & 0x7f);
}

/** The number of 32 bits at `bytes[at]`. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}
