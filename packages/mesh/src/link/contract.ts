/** What every adapter of the link between control and the data plane keeps; each runs the suite with its own pair of ends. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, endpointId, epochMs, instanceId, modelKey } from '@modelmesh/core';
import type { ControlEnd, DataPlaneEnd, RouteParts, ToControl, ToDataPlane } from './messages.ts';

/** Both ends of a link. */
export interface LinkPair {
  readonly control: ControlEnd;
  readonly dataPlane: DataPlaneEnd;
  close(): void;
}

const NO_PARTS: RouteParts = { models: [], endpoints: [], families: [], peers: [] };
const NOBODY = { models: [], endpoints: [], families: [], peers: [] };
const slot = { index: 3, generation: 9 };
const model = modelKey('m');
const instance = instanceId('other');

/** One of each kind that control sends. */
const DOWN: readonly ToDataPlane[] = [
  {
    kind: 'route-snapshot',
    epoch: 1,
    version: 2,
    last: true,
    parts: {
      ...NO_PARTS,
      models: [
        { key: model, family: null, version: null, local: slot, remote: [{ instance, sinceMs: epochMs(5) }], retry: 'safe' },
      ],
    },
  },
  { kind: 'route-delta', epoch: 1, from: 2, to: 3, put: NO_PARTS, remove: { ...NOBODY, endpoints: [endpointId('e')] } },
  { kind: 'located', request: 1, model, outcome: { kind: 'serving', slot } },
  { kind: 'looked-up', request: 2 },
  {
    kind: 'runtime-up',
    access: { epoch: 1, target: { kind: 'unix', path: '/rt' }, methods: new Map([['a.B/C', [1, 2]]]), anyMethod: true },
  },
  { kind: 'runtime-down', restarting: true, message: 'gone' },
  { kind: 'policy-freshness', staleSinceMs: epochMs(9) },
  {
    kind: 'method-rules',
    rules: {
      rules: new Map([['a.B/C', { idPath: [1], names: 'name', versionPath: null, headersFirst: true }]]),
      allowOthers: false,
    },
  },
  { kind: 'explain', request: 4, query: { model, requestId: null }, limit: 5 },
];

/** One of each kind that the data plane sends. */
const UP: readonly ToControl[] = [
  { kind: 'arms', counts: [{ id: endpointId('e'), revision: 3, variant: 'a', calls: 5, rewards: 4 }] },
  {
    kind: 'locate',
    request: 1,
    model,
    lastUsedMs: epochMs(7),
    ask: { kind: 'here', intent: 'load' },
    exclude: [instance],
    refused: [{ instance, sinceMs: null }],
  },
  { kind: 'look-up', request: 2, names: ['a', 'b'] },
  { kind: 'peer-state', instance, incarnation: 'i', reachable: false },
  { kind: 'drained', slot },
  { kind: 'not-in-runtime', model, slot },
  { kind: 'snapshot-wanted' },
  { kind: 'ack', epoch: 1, version: 3 },
  {
    kind: 'call-ended',
    record: { atMs: epochMs(1), requestId: 'r', method: 'a.B/C', model, endpoint: null, outcome: 'ok', attempts: ['x'] },
  },
  {
    kind: 'explained',
    request: 4,
    choices: [
      {
        number: 1,
        atMs: epochMs(1),
        requestId: null,
        method: 'a.B/C',
        model,
        endpoint: null,
        because: 'x',
        considered: [{ instance, settled: true, inFlight: 1, latencyMs: durationMs(2), cost: 4 }],
      },
    ],
  },
];

/** Resolves with the first `count` messages of one end. */
function first<Message>(end: { onMessage: (message: Message) => void }, count: number): Promise<Message[]> {
  const heard: Message[] = [];
  return new Promise((resolve) => {
    end.onMessage = (message) => {
      heard.push(message);
      if (heard.length === count) resolve(heard);
    };
  });
}

/** Runs the suite. */
export function linkContract(name: string, make: () => LinkPair): void {
  const withPair = async (run: (pair: LinkPair) => Promise<void>): Promise<void> => {
    const pair = make();
    try {
      await run(pair);
    } finally {
      pair.close();
    }
  };

  it(`${name}: every message arrives as it was sent, in order, in both directions`, () =>
    withPair(async ({ control, dataPlane }) => {
      const down = first(dataPlane, DOWN.length);
      const up = first(control, UP.length);
      for (const message of DOWN) control.send(message);
      for (const message of UP) dataPlane.send(message);
      assert.deepEqual(await down, DOWN);
      assert.deepEqual(await up, UP);
    }));

  it(`${name}: nothing arrives inside the call that sends it, nor inside the receipt of another`, () =>
    withPair(async ({ control, dataPlane }) => {
      const heard: string[] = [];
      let [depth, deepest] = [0, 0];
      const over = new Promise<void>((resolve) => {
        control.onMessage = (message) => {
          depth += 1;
          deepest = Math.max(deepest, depth);
          heard.push(message.kind);
          if (message.kind === 'snapshot-wanted') dataPlane.send({ kind: 'ack', epoch: 1, version: 1 });
          else resolve();
          depth -= 1;
        };
      });
      dataPlane.send({ kind: 'snapshot-wanted' });
      assert.deepEqual(heard, []);
      await over;
      assert.deepEqual(heard, ['snapshot-wanted', 'ack']);
      assert.equal(deepest, 1);
    }));

  it(`${name}: thousands of messages keep their order while both sides send`, () =>
    withPair(async ({ control, dataPlane }) => {
      const count = 3000;
      const up = first(control, count);
      const down = first(dataPlane, count);
      for (let at = 0; at < count; at++) {
        dataPlane.send({ kind: 'ack', epoch: 1, version: at });
        control.send({ kind: 'looked-up', request: at });
      }
      assert.deepEqual(
        (await up).map((message) => (message.kind === 'ack' ? message.version : -1)),
        Array.from({ length: count }, (_, at) => at),
      );
      assert.deepEqual(
        (await down).map((message) => (message.kind === 'looked-up' ? message.request : -1)),
        Array.from({ length: count }, (_, at) => at),
      );
    }));
}
