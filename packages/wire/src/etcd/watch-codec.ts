import { BinaryReader } from '@bufbuild/protobuf/wire';
import { type AnswerHeader, readHeader } from './header.ts';

/**
 * What a watch tells, read straight from its bytes: each node of a mesh reads every change of every other one, and the general decoder takes several
 * times as long. Field numbers as in `rpc.proto`; a test compares.
 */

/** A key as a watch shows it. `lease`: 0 is none. */
export interface WatchedKey {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly lease: bigint;
}

/** One change. */
export interface WatchedEvent {
  readonly kind: 'put' | 'delete';
  readonly kv: WatchedKey;
}

/** `WatchResponse`. */
export interface WatchAnswer {
  readonly header: AnswerHeader | undefined;
  readonly watchId: bigint;
  readonly created: boolean;
  readonly canceled: boolean;
  /** 0 unless the past of the watch is gone. */
  readonly compactRevision: bigint;
  readonly cancelReason: string;
  /** More pieces of the same answer follow. */
  readonly fragment: boolean;
  readonly events: readonly WatchedEvent[];
}

const FIELD = {
  header: 1,
  watchId: 2,
  created: 3,
  canceled: 4,
  compactRevision: 5,
  cancelReason: 6,
  fragment: 7,
  events: 11,
} as const;
const DELETE = 1;

/** Reads one answer of a watch. @throws for bytes that are none */
export function decodeWatchAnswer(bytes: Uint8Array): WatchAnswer {
  const reader = new BinaryReader(bytes);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const answer = {
    header: undefined as AnswerHeader | undefined,
    watchId: 0n,
    created: false,
    canceled: false,
    compactRevision: 0n,
    cancelReason: '',
    fragment: false,
    events: [] as WatchedEvent[],
  };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === FIELD.events) readEvent(reader, text, answer.events);
    else if (field === FIELD.header) answer.header = readHeader(reader, reader.uint32());
    else if (field === FIELD.watchId) answer.watchId = BigInt(reader.int64());
    else if (field === FIELD.created) answer.created = reader.bool();
    else if (field === FIELD.canceled) answer.canceled = reader.bool();
    else if (field === FIELD.compactRevision) answer.compactRevision = BigInt(reader.int64());
    else if (field === FIELD.cancelReason) answer.cancelReason = reader.string();
    else if (field === FIELD.fragment) answer.fragment = reader.bool();
    else reader.skip(wireType);
  }
  return answer;
}

function readEvent(reader: BinaryReader, text: Buffer, into: WatchedEvent[]): void {
  const byteCount = reader.uint32();
  const end = reader.pos + byteCount;
  let kind: WatchedEvent['kind'] = 'put';
  let kv: WatchedKey | undefined;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) kind = reader.int32() === DELETE ? 'delete' : 'put';
    else if (field === 2) kv = readKey(reader, text);
    else reader.skip(wireType);
  }
  if (kv !== undefined) into.push({ kind, kv });
}

function readKey(reader: BinaryReader, text: Buffer): WatchedKey {
  const byteCount = reader.uint32();
  const end = reader.pos + byteCount;
  const found = { key: '', value: '', createRevision: 0, modRevision: 0, lease: 0n };
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) found.key = readText(reader, text);
    else if (field === 2) found.createRevision = Number(reader.int64());
    else if (field === 3) found.modRevision = Number(reader.int64());
    else if (field === 5) found.value = readText(reader, text);
    else if (field === 6) found.lease = BigInt(reader.int64());
    else reader.skip(wireType);
  }
  return found;
}

/** What is no UTF-8 is shown as well as it can be. */
function readText(reader: BinaryReader, text: Buffer): string {
  const byteCount = reader.uint32();
  const from = reader.pos;
  reader.pos = from + byteCount;
  if (reader.pos > reader.len) throw new RangeError('a text runs beyond the end of its message');
  return text.toString('utf8', from, reader.pos);
}
