import type { SeededRandom } from '@modelmesh/core';

/** One half of a call: head, body in pieces, trailers. */
export interface Message {
  /** Fields beside the pseudo-header fields: name, value, name, value … */
  readonly fields: readonly string[];
  /** Names of {@link Message.fields} that no table may keep. */
  readonly sensitive: readonly string[];
  readonly pieces: readonly number[];
  readonly trailers: readonly string[] | undefined;
}

/** How a call ends. */
export type CallEnd =
  | { readonly kind: 'normal' }
  /** The client resets once the head of the answer has come. */
  | { readonly kind: 'client-reset'; readonly code: number }
  /** The server resets in place of an answer, once the request has ended. */
  | { readonly kind: 'server-reset'; readonly code: number };

/** One call of a conversation, as data. */
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly request: Message;
  readonly status: number;
  readonly answer: Message;
  readonly end: CallEnd;
  /** Who reads nothing at first, so that windows close: until the other side was told to stop, or is done. */
  readonly pauses: { readonly client: boolean; readonly server: boolean };
}

/** A conversation: calls on one connection, opened together. */
export interface Program {
  readonly seed: number;
  readonly calls: readonly Call[];
}

/** What a conversation may have. */
export interface ProgramWishes {
  /** The largest piece of a body, in bytes; 100 000 unless given. */
  readonly pieceBytesMax?: number;
  /** Whether header lists may be longer than a frame. */
  readonly longHeaders?: boolean;
}

const CALLS_MAX = 8;
const PIECES_MAX = 6;
const CANCEL = 8;
const INTERNAL = 2;
const NAMES = ['x-request-id', 'traceparent', 'authorization', 'cookie', 'mm-model-id', 'user-agent', 'x-long', 'accept'];
const SENSITIVE = ['authorization', 'cookie', 'x-long'];
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789 -_;=/,."{}';
/** Longer than a frame, shorter than what either side takes. */
const LONG_VALUE_BYTES = 20_000;

/** The conversation of a seed. */
export function makeProgram(random: SeededRandom, seed: number, wishes: ProgramWishes = {}): Program {
  const count = 1 + random.below(CALLS_MAX);
  return { seed, calls: Array.from({ length: count }, () => makeCall(random, wishes)) };
}

function makeCall(random: SeededRandom, wishes: ProgramWishes): Call {
  const method = random.below(4) === 0 ? 'GET' : 'POST';
  const request = makeMessage(random, wishes);
  const end = makeEnd(random);
  const answer = makeMessage(random, wishes);
  const pauses = { client: random.below(5) === 0, server: random.below(5) === 0 };
  return {
    method,
    request: method === 'GET' ? { ...request, pieces: [], trailers: undefined } : request,
    status: end.kind === 'client-reset' ? 200 : ([200, 200, 200, 404, 503, 204][random.below(6)] ?? 200),
    // No window holds it all: the reset always comes before its end.
    answer: end.kind === 'client-reset' ? { ...answer, pieces: [65_535, 65_535, 65_535], trailers: undefined } : answer,
    end,
    pauses,
  };
}

function makeEnd(random: SeededRandom): CallEnd {
  switch (random.below(8)) {
    case 0:
      return { kind: 'client-reset', code: CANCEL };
    case 1:
      return { kind: 'server-reset', code: [CANCEL, INTERNAL][random.below(2)] ?? CANCEL };
    default:
      return { kind: 'normal' };
  }
}

function makeMessage(random: SeededRandom, wishes: ProgramWishes): Message {
  const fields: string[] = [];
  const names = new Set<string>();
  for (let left = random.below(6); left > 0; left -= 1) {
    const name = NAMES[random.below(NAMES.length)] ?? 'x';
    if (names.has(name)) continue;
    names.add(name);
    const isLong = wishes.longHeaders === true && name === 'x-long' && random.below(3) === 0;
    fields.push(name, textOf(random, isLong ? LONG_VALUE_BYTES : 1 + random.below(60)));
  }
  const { pieceBytesMax = 100_000 } = wishes;
  const sizes = [0, 1, 100, 16_384, 16_385, 65_535, pieceBytesMax].filter((size) => size <= pieceBytesMax);
  return {
    fields,
    sensitive: SENSITIVE.filter((name) => names.has(name)),
    pieces: Array.from({ length: random.below(PIECES_MAX) }, () => sizes[random.below(sizes.length)] ?? 1),
    trailers: random.below(3) === 0 ? ['x-checksum', textOf(random, 12)] : undefined,
  };
}

/** Visible text without blanks at its ends (RFC 9113 §8.2.1). */
function textOf(random: SeededRandom, length: number): string {
  let text = 'v';
  while (text.length < length) text += LETTERS[random.below(LETTERS.length)] ?? 'x';
  return `${text.slice(0, Math.max(0, length - 1))}v`;
}

/** The body of a message: octets that tell their place, so that what is lost or doubled changes the digest. */
export function pieceOf(callIndex: number, offset: number, byteCount: number): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  for (let at = 0; at < byteCount; at += 1) bytes[at] = (offset + at) * 31 + callIndex * 7 + ((offset + at) >>> 8);
  return bytes;
}
