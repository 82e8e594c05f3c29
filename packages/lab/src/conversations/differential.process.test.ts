import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { describe, it } from 'node:test';
import { SeededRandom } from '@modelmesh/core';
import { createFrameEngine } from '@modelmesh/grpc/stream';
import { realClock } from '../node-process/index.ts';
import {
  comparable,
  converse,
  makeProgram,
  type NodeEndOptions,
  nodeClient,
  nodeServer,
  portClient,
  portServer,
} from './index.ts';

/** `npm test -- --only conversations --seeds 5000` is a long run. */
const PROGRAMS = Number(process.env.MESH_SEEDS ?? 40);

/** How the other side may be set up; seeds take turns. */
const NODE_ENDS: readonly NodeEndOptions[] = [
  {},
  { padding: constants.PADDING_STRATEGY_MAX },
  { settings: { initialWindowSize: 1000 } },
  { settings: { headerTableSize: 0 } },
  { settings: { headerTableSize: 65_536, initialWindowSize: 1_000_000 } },
];

describe('the engine on frames against node:http2', () => {
  it(`is heard in ${PROGRAMS} seeded conversations as node:http2 is, and hears what it does`, {
    timeout: 3_600_000,
  }, async () => {
    const engine = createFrameEngine({ clock: realClock });
    for (let seed = 1; seed <= PROGRAMS; seed += 1) {
      const program = makeProgram(new SeededRandom(seed, 'conversation'), seed, { longHeaders: true });
      const options = NODE_ENDS[seed % NODE_ENDS.length];
      const wanted = await converse(program, nodeClient(options), nodeServer(options));
      const pairs = [
        ['a client on frames', portClient(engine), nodeServer(options)],
        ['a server on frames', nodeClient(options), portServer(engine)],
        ['both on frames', portClient(engine), portServer(engine)],
      ] as const;
      for (const [name, client, server] of pairs) {
        const heard = await converse(program, client, server);
        assert.deepEqual(comparable(heard.client), comparable(wanted.client), `seed ${seed}, ${name}: the client`);
        assert.deepEqual(comparable(heard.server), comparable(wanted.server), `seed ${seed}, ${name}: the server`);
      }
    }
  });
});
