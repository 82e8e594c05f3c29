import { constants } from 'node:http2';
import { SeededRandom } from '@modelmesh/core';
import { cut, type LooseFrame, makeProgram, type NodeEndOptions, recordConversation, type Said } from '../conversations/index.ts';

/** A valid conversation: what either side said, in frames. */
export interface Sample {
  readonly client: Said;
  readonly server: Said;
  /** Calls that the client opens. */
  readonly calls: number;
}

/** Valid conversations, and all of their frames to choose from. */
export interface Corpus {
  readonly samples: readonly Sample[];
  readonly frames: readonly LooseFrame[];
}

/** The largest pieces of bodies; most are small, since what is changed are frames and not what they carry. */
const PIECE_BYTES_MAX = [100, 100, 16_385];

const ENDS: readonly NodeEndOptions[] = [
  {},
  { padding: constants.PADDING_STRATEGY_MAX },
  { settings: { initialWindowSize: 3000 } },
  { settings: { headerTableSize: 0 } },
  { settings: { headerTableSize: 65_536 } },
];

/** Records `count` conversations of `node:http2`. */
export async function recordCorpus(count: number): Promise<Corpus> {
  const samples: Sample[] = [];
  for (let seed = 1; seed <= count; seed += 1) {
    const pieceBytesMax = PIECE_BYTES_MAX[seed % PIECE_BYTES_MAX.length] ?? 1;
    const program = makeProgram(new SeededRandom(seed, 'corpus'), seed, { longHeaders: seed % 2 === 0, pieceBytesMax });
    const { client, server } = await recordConversation(program, ENDS[seed % ENDS.length]);
    samples.push({ client: cut(client, 'client'), server: cut(server, 'server'), calls: program.calls.length });
  }
  return { samples, frames: samples.flatMap(({ client, server }) => [...client.frames, ...server.frames]) };
}
