import { ByteWriter } from '../../bytes/index.ts';
import {
  CLIENT_PREFACE,
  FLAG,
  FRAME,
  FrameReader,
  type FrameSink,
  uint32At,
  writeFrameHeader,
  writeSettings,
} from '../../frames/index.ts';
import { type Field, field, HpackEncoder } from '../../hpack/index.ts';

/** A frame as a test names it. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** Octets of a frame, right or wrong. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array | readonly number[] = []): Uint8Array {
  const writer = new ByteWriter();
  writeFrameHeader(writer, payload.length, type, flags, streamId);
  writer.raw(Uint8Array.from(payload));
  return writer.take();
}

/** Four octets of a number. */
export const u32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

/** What a client says first: its preface, and SETTINGS of the pairs. */
export function hello(settings: readonly number[] = []): Uint8Array {
  const writer = new ByteWriter();
  writer.raw(Uint8Array.from(CLIENT_PREFACE, (letter) => letter.charCodeAt(0)));
  writeSettings(writer, settings);
  return writer.take();
}

/** The fields of a POST, with `extra` behind. */
export const requestFields = (...extra: readonly (readonly [string, string])[]): Field[] =>
  ([[':method', 'POST'], [':scheme', 'http'], [':path', '/test'], [':authority', 'test'], ...extra] as const).map(
    ([name, value]) => field(name, value),
  );

/** A header block of its own table. */
export class Blocks {
  readonly #encoder = new HpackEncoder();

  of(fields: readonly Field[]): Uint8Array {
    const writer = new ByteWriter();
    this.#encoder.encode(fields, writer);
    return writer.take();
  }

  /** HEADERS of a request in one frame. */
  request(streamId: number, end: boolean, ...extra: readonly (readonly [string, string])[]): Uint8Array {
    const block = this.of(requestFields(...extra));
    return frame(FRAME.headers, FLAG.endHeaders | (end ? FLAG.endStream : 0), streamId, block);
  }
}

/** The frames in what was sent, DATA joined a frame each. */
export function framesIn(pieces: readonly Uint8Array[]): RawFrame[] {
  const frames: RawFrame[] = [];
  let data: { streamId: number; flags: number; parts: number[] } = { streamId: 0, flags: 0, parts: [] };
  const sink: FrameSink = {
    isOver: false,
    onFrame: (type, flags, streamId, bytes, start, end) =>
      frames.push({ type, flags, streamId, payload: bytes.slice(start, end) }),
    onDataBegin: (streamId, flags) => {
      data = { streamId, flags, parts: [] };
    },
    onDataPadding: () => undefined,
    onDataBytes: (bytes, last) => {
      data.parts.push(...bytes);
      if (last)
        frames.push({ type: FRAME.data, flags: data.flags, streamId: data.streamId, payload: Uint8Array.from(data.parts) });
    },
    onUnreadable: (fault) => {
      throw new Error(`unreadable: ${JSON.stringify(fault)}`);
    },
  };
  const reader = new FrameReader(sink);
  for (const piece of pieces) reader.read(piece, 0, piece.byteLength);
  return frames;
}

/** What a GOAWAY said. */
export function goawayIn(frames: readonly RawFrame[]): { lastStreamId: number; code: number; why: string } | undefined {
  const found = frames.findLast(({ type }) => type === FRAME.goaway);
  if (found === undefined) return undefined;
  const { payload } = found;
  return {
    lastStreamId: uint32At(payload, 0),
    code: uint32At(payload, 4),
    why: Buffer.from(payload.subarray(8)).toString('latin1'),
  };
}
