import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { grpcRequest, runGrpcLoad, SeededRandom, Zipf } from '../load/index.ts';
import { freeFolder, NodeProcess, realClock, serveRuntime } from '../node-process/index.ts';
import { RecordingServer } from './recording-server.ts';

const MIB = 1_048_576;
const MODELS = 60;
/** Room for a quarter of them. */
const ROOM = 15;
const LANES = 24;
const CONNECTIONS = 8;
const FOR_MS = 10_000;
/** How skewed the traffic is: the first models are called all the time, the others now and then. */
const SKEW = 0.9;
const EVICTIONS_MIN = 100;

describe('evictions under load', () => {
  for (const workers of [1, 2]) {
    it(`reach no call of ${workers} workers: none comes to a copy whose unload has begun, or is being answered then`, {
      timeout: 120_000,
    }, async (t) => {
      await using folder = await freeFolder();
      const facts = { capacityBytes: ROOM * MIB, defaultModelBytes: MIB, loadingConcurrencyMax: 4 };
      const server = new RecordingServer(realClock, facts);
      const socket = join(folder.path, 'recording.sock');
      await using _runtime = await serveRuntime(server, socket);
      await using node = await NodeProcess.start({
        flags: { workers: `${workers}`, 'runtime-kind': 'external', 'runtime-management': `unix:${socket}` },
      });
      const requests = await Promise.all(
        Array.from({ length: MODELS }, async (_, at) => {
          const modelId = `m${at}`;
          // A load takes its time, and an answer too, so that there always are some of each.
          await node.client.unary(ModelMesh.method.registerModel, {
            modelId,
            modelInfo: { type: 'null', path: 'slow 5; answer 3' },
          });
          return grpcRequest('/lab.Echo/Call', Buffer.from(modelId), ['mm-model-id', modelId]);
        }),
      );
      const random = new SeededRandom(11);
      const zipf = new Zipf(MODELS, SKEW);
      // Connections enough that each worker has some.
      using links = new DisposableStack();
      const connections = Array.from({ length: CONNECTIONS }, () => links.use(node.connect()).connection);
      const [first] = requests;
      assert.ok(first !== undefined);
      const result = await runGrpcLoad({
        connections,
        streamsPerConnection: LANES / CONNECTIONS,
        end: { kind: 'after', ms: FOR_MS },
        next: () => requests[zipf.rankOf(random.share())] ?? first,
      });
      const { loads, unloads, calls, strayCalls, cutCalls } = server.seen;
      t.diagnostic(`${calls} calls, ${loads} loads, ${unloads} unloads`);
      result.assertAllRight();
      assert.deepEqual([strayCalls, cutCalls], [[], []]);
      assert.ok(unloads >= EVICTIONS_MIN, `${unloads} unloads are no load of evictions`);
    });
  }
});
