import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, NodeLife } from '../cluster/index.ts';
import type { SimRuntime } from '../runtime/index.ts';
import { evictions } from './evictions.ts';
import type { Knowledge } from './knowledge.ts';

/** What a node shows of two copies that serve, of which `newer`, called at `NEWER_USED_MS`, goes. */
interface Shown {
  /** The last call of `older`. */
  readonly calledMs: number;
  /** Its last use by its cache: a call, or a load that somebody asked for. */
  readonly usedMs: number;
  /** Its last use by its record, as some node's clock says. */
  readonly recordedMs: number | null;
}

const NEWER_USED_MS = 10_000;

/** What the checker says against the node. */
function judged({ calledMs, usedMs, recordedMs }: Shown): readonly string[] {
  const said: string[] = [];
  const world = { nowMs: 0, violate: (_checker: string, message: string): number => said.push(message) };
  const clock = { nowMs: 0 };
  const details = {
    number: 1,
    cause: 'new-copy',
    neededUnits: 10,
    victims: [{ model: 'newer', units: 10, lastUsedMs: NEWER_USED_MS, awaited: false }],
  };
  const runtime = {} as SimRuntime;
  const life = {
    actor: { name: 'a#1' },
    spec: { id: 'a' },
    runtime,
    clock: { wallMs: () => clock.nowMs },
    counters: { lastUse: () => calledMs },
    dataPlane: { plane: { routes: { model: () => ({ local: { index: 0, generation: 1 } }) } } },
    running: {
      control: { decided: () => [{ details }], model: () => ({ lastUsedMs: recordedMs }) },
      copyUsedMs: () => usedMs,
    },
  } as unknown as NodeLife;
  const cluster = { world, scenario: { steps: [] }, serving: () => [life] } as unknown as Cluster;
  const run = evictions.begin(cluster, {} as Knowledge);
  const event = (kind: string, model: string): void =>
    run.nodeEvent?.(life, { id: 1, atMs: clock.nowMs as never, kind, model, endpoint: null, message: '', fields: {} });
  const called = (model: string, atMs: number): void => {
    clock.nowMs = atMs;
    run.callBegan?.(runtime, 'call', model, null);
  };
  event('model-loaded', 'older');
  event('model-loaded', 'newer');
  called('older', calledMs);
  called('newer', NEWER_USED_MS);
  world.nowMs = 20_000;
  event('model-evicted', 'newer');
  return said;
}

test('a copy that goes before one that was used earlier is wrong', () => {
  const said = judged({ calledMs: 9000, usedMs: 9000, recordedMs: 9000 });
  assert.deepEqual(said, ['a#1: newer went, and older stayed, which was used 1000 ms before it']);
});

test('a load that was asked for uses the copy, though the record was written by a clock so far ahead that it shows no use', () => {
  assert.deepEqual(judged({ calledMs: 9000, usedMs: 10_050, recordedMs: null }), []);
});

test('a use that another clock dates into the future excuses nothing', () => {
  const said = judged({ calledMs: 9000, usedMs: 9000, recordedMs: 60_000 });
  assert.deepEqual(said, ['a#1: newer went, and older stayed, which was used 1000 ms before it']);
});
