import type { SeededRandom } from '@modelmesh/core';
import { FLAG, FRAME, SETTING } from '@modelmesh/h2/frames';
import type { LooseFrame, Said } from '../conversations/index.ts';

/** How often a frame may be repeated: less than what floods need, which have tests of their own. */
const REPEATS_MAX = 200;
const MUTATIONS_MAX = 8;
/** Numbers at which windows, lengths and ids turn. */
const EDGES = [0, 1, 2, 3, 5, 0x3fff, 0x4000, 0x4001, 0xffff, 0x1_0000, 0x7fff_fffe, 0x7fff_ffff, 0xffff_ffff];
const TYPES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x42];

type Mutation = (random: SeededRandom, frames: LooseFrame[], others: readonly LooseFrame[]) => void;

const pick = <T>(random: SeededRandom, list: readonly T[]): T | undefined =>
  list.length === 0 ? undefined : list[random.below(list.length)];

/** Replaces a frame by what `change` makes of it. */
function change(random: SeededRandom, frames: LooseFrame[], make: (frame: LooseFrame) => LooseFrame): void {
  if (frames.length === 0) return;
  const at = random.below(frames.length);
  const frame = frames[at];
  if (frame !== undefined) frames[at] = make(frame);
}

function insert(random: SeededRandom, frames: LooseFrame[], made: readonly LooseFrame[]): void {
  frames.splice(random.below(frames.length + 1), 0, ...made);
}

function flipped(random: SeededRandom, bytes: Uint8Array, times: number): Uint8Array {
  const copy = bytes.slice();
  for (let left = times; left > 0 && copy.length > 0; left -= 1) {
    const at = random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  }
  return copy;
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function noise(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

const edge = (random: SeededRandom): number => pick(random, EDGES) ?? 0;
const someId = (random: SeededRandom, frames: readonly LooseFrame[]): number =>
  random.below(3) === 0 ? edge(random) & 0x7fff_ffff : (pick(random, frames)?.streamId ?? 1);

/** A frame of a kind with a payload that fits it, of any values. */
function made(random: SeededRandom, frames: readonly LooseFrame[]): LooseFrame {
  const streamId = someId(random, frames);
  switch (random.below(9)) {
    case 0:
      return { type: FRAME.windowUpdate, flags: 0, streamId: random.below(2) * streamId, payload: u32(edge(random)) };
    case 1: {
      // Windows of streams half of the time: what is under way meets them.
      const identifier = random.below(2) === 0 ? SETTING.initialWindowSize : 1 + random.below(9);
      const setting = Buffer.concat([Uint8Array.of(0, identifier), u32(edge(random))]);
      return { type: FRAME.settings, flags: 0, streamId: 0, payload: new Uint8Array(setting) };
    }
    case 2:
      return { type: FRAME.rstStream, flags: 0, streamId, payload: u32(random.below(16)) };
    case 3:
      return { type: FRAME.ping, flags: random.below(2), streamId: 0, payload: noise(random, 8) };
    case 4: {
      const payload = new Uint8Array(Buffer.concat([u32(edge(random)), u32(random.below(14)), noise(random, random.below(20))]));
      return { type: FRAME.goaway, flags: 0, streamId: 0, payload };
    }
    case 5:
      return { type: FRAME.data, flags: random.below(2) * FLAG.endStream, streamId, payload: noise(random, random.below(50)) };
    case 6:
      return { type: FRAME.headers, flags: random.below(256), streamId, payload: noise(random, random.below(60)) };
    case 7:
      return {
        type: FRAME.continuation,
        flags: random.below(2) * FLAG.endHeaders,
        streamId,
        payload: noise(random, random.below(20)),
      };
    default:
      return { type: pick(random, TYPES) ?? 0, flags: random.below(256), streamId, payload: noise(random, random.below(40)) };
  }
}

/** Pads DATA or HEADERS (RFC 9113 §6.1), rightly or not. */
function padded(random: SeededRandom, frame: LooseFrame): LooseFrame {
  const padding = random.below(256);
  const payload = new Uint8Array(
    Buffer.concat([Uint8Array.of(padding), frame.payload, new Uint8Array(random.below(2) === 0 ? padding : 1)]),
  );
  return { ...frame, flags: frame.flags | FLAG.padded, payload: payload.subarray(0, 16_384) };
}

/** A header block in pieces: HEADERS, and CONTINUATION frames with something between them now and then. */
function inPieces(random: SeededRandom, frame: LooseFrame): LooseFrame[] {
  if (frame.type !== FRAME.headers) return [frame];
  const pieces: LooseFrame[] = [];
  const size = 1 + random.below(20);
  for (let at = 0; at < frame.payload.length || at === 0; at += size) {
    const isFirst = at === 0;
    const isLast = at + size >= frame.payload.length;
    const rest = isFirst ? frame.flags & ~FLAG.endHeaders : 0;
    const payload = frame.payload.slice(at, at + size);
    const type = isFirst ? FRAME.headers : FRAME.continuation;
    pieces.push({ type, flags: rest | (isLast ? FLAG.endHeaders : 0), streamId: frame.streamId, payload });
  }
  return pieces;
}

const MUTATIONS: readonly Mutation[] = [
  // Bits of payloads, header blocks among them.
  (random, frames) =>
    change(random, frames, (frame) => ({ ...frame, payload: flipped(random, frame.payload, 1 + random.below(6)) })),
  (random, frames) => change(random, frames, (frame) => ({ ...frame, flags: frame.flags ^ (1 << random.below(8)) })),
  (random, frames) => change(random, frames, (frame) => ({ ...frame, streamId: someId(random, frames) })),
  (random, frames) => change(random, frames, (frame) => ({ ...frame, type: pick(random, TYPES) ?? 0 })),
  (random, frames) =>
    change(random, frames, (frame) => ({ ...frame, payload: frame.payload.slice(0, random.below(frame.payload.length + 1)) })),
  // A length that is not the payload's: all that follows is read askew.
  (random, frames) =>
    change(random, frames, (frame) => ({ ...frame, claimedBytes: frame.payload.length + random.below(40) - 20 })),
  (random, frames) => change(random, frames, (frame) => padded(random, frame)),
  (random, frames) => void frames.splice(random.below(frames.length + 1), 1),
  // Twice, or many times.
  (random, frames) => {
    const frame = pick(random, frames);
    if (frame !== undefined)
      insert(
        random,
        frames,
        Array.from({ length: 1 + random.below(random.below(2) === 0 ? 2 : REPEATS_MAX) }, () => frame),
      );
  },
  // Two frames change places.
  (random, frames) => {
    const [a, b] = [random.below(frames.length + 1), random.below(frames.length + 1)];
    const [one, other] = [frames[a], frames[b]];
    if (one === undefined || other === undefined) return;
    frames[a] = other;
    frames[b] = one;
  },
  // A run of frames moves, or comes from another conversation, whose table and ids are others.
  (random, frames) => {
    const run = frames.splice(random.below(frames.length + 1), random.below(6));
    insert(random, frames, run);
  },
  (random, frames, others) => insert(random, frames, others.slice(random.below(others.length + 1)).slice(0, 1 + random.below(6))),
  (random, frames) => insert(random, frames, [made(random, frames)]),
  (random, frames) =>
    insert(
      random,
      frames,
      Array.from({ length: 1 + random.below(10) }, () => made(random, frames)),
    ),
  (random, frames) => {
    const at = random.below(frames.length + 1);
    const frame = frames[at];
    if (frame !== undefined) frames.splice(at, 1, ...inPieces(random, frame));
  },
  (random, frames) => void frames.splice(random.below(frames.length + 1)),
];

/** A frame that is right, of a kind that any conversation may have anywhere: what it does to streams is what matters. */
function fitting(random: SeededRandom, frames: readonly LooseFrame[]): LooseFrame {
  const streamId = pick(random, frames)?.streamId ?? 0;
  switch (random.below(6)) {
    case 0:
      return {
        type: FRAME.windowUpdate,
        flags: 0,
        streamId: random.below(2) * streamId,
        payload: u32(1 + random.below(100_000)),
      };
    case 1:
    case 2: {
      const [identifier, value] = [
        [SETTING.initialWindowSize, pick(random, [0, 1, 100, 65_535, 1_000_000])],
        [SETTING.headerTableSize, pick(random, [0, 100, 4096, 65_536])],
        [SETTING.maxConcurrentStreams, pick(random, [0, 1, 100])],
      ][random.below(3)] ?? [SETTING.initialWindowSize, 0];
      return { type: FRAME.settings, flags: 0, streamId: 0, payload: Uint8Array.of(0, identifier ?? 0, ...u32(value ?? 0)) };
    }
    case 3:
      return { type: FRAME.rstStream, flags: 0, streamId: streamId === 0 ? 1 : streamId, payload: u32(8) };
    case 4:
      return { type: FRAME.ping, flags: 0, streamId: 0, payload: noise(random, 8) };
    default:
      return { type: FRAME.priority, flags: 0, streamId: streamId === 0 ? 1 : streamId, payload: Uint8Array.of(0, 0, 0, 0, 16) };
  }
}

/** Whether a frame may change its place without spoiling the table of header fields. */
const isFree = ({ type }: LooseFrame): boolean => type !== FRAME.headers && type !== FRAME.continuation;

/** Mutations that mostly leave a connection alive, so that what comes behind them is read. */
const GENTLE: readonly Mutation[] = [
  (random, frames) => insert(random, frames, [fitting(random, frames)]),
  (random, frames) =>
    insert(
      random,
      frames,
      Array.from({ length: 1 + random.below(5) }, () => fitting(random, frames)),
    ),
  (random, frames) => {
    const at = random.below(frames.length + 1);
    const frame = frames[at];
    if (frame !== undefined) frames.splice(at, 1, ...inPieces(random, frame));
  },
  (random, frames) => {
    const frame = pick(random, frames.filter(isFree));
    if (frame !== undefined) insert(random, frames, [frame]);
  },
  (random, frames) => {
    const at = random.below(frames.length + 1);
    const frame = frames[at];
    if (frame === undefined || !isFree(frame)) return;
    frames.splice(at, 1);
    insert(random, frames, [frame]);
  },
  // A block twice: a second head, or trailers behind the end.
  (random, frames) => {
    const at = random.below(frames.length + 1);
    const frame = frames[at];
    if (frame?.type === FRAME.headers && (frame.flags & FLAG.endHeaders) !== 0) frames.splice(at + 1, 0, frame);
  },
  (random, frames) =>
    change(random, frames, (frame) => (frame.type === FRAME.data ? { ...frame, flags: frame.flags ^ FLAG.endStream } : frame)),
];

/** What a side said, changed in a few places. `others`: frames of other conversations. */
export function mutate(random: SeededRandom, said: Said, others: readonly LooseFrame[]): Said {
  const frames = [...said.frames];
  const mutations = random.below(2) === 0 ? GENTLE : MUTATIONS;
  // Few more often than many: behind the first fault of a connection nothing is read.
  for (let left = 1 + random.below(1 + random.below(MUTATIONS_MAX)); left > 0; left -= 1)
    pick(random, mutations)?.(random, frames, others);
  const preface = random.below(200) === 0 ? flipped(random, said.preface, 1) : said.preface;
  return { preface, frames };
}

/** Octets in reads of any size, small ones now and then; each is memory of its own, as a socket gives it. */
export function reads(random: SeededRandom, octets: Uint8Array): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const most = [1, 9, 100, 5000, 65_536][random.below(5)] ?? 100;
  // An octet at a time is slow for what is long, and shows nothing new there.
  const least = Math.ceil(octets.length / 2000);
  for (let at = 0; at < octets.length; ) {
    const until = at + least + random.below(most);
    pieces.push(octets.slice(at, until));
    at = until;
  }
  return pieces;
}
