import assert from 'node:assert/strict';
import type { LogLine, NodeProcess } from '../node-process/index.ts';
import { eventually } from './eventually.ts';

/** What `/api/v1/models/{key}` says, as far as suites look at it. */
export interface SeenModel {
  readonly status: string;
  readonly errors: readonly string[];
  readonly copies: readonly { readonly instance: string; readonly status: string; readonly error: string | null }[];
}

/** A model as the node shows it. */
export async function seenModel(node: NodeProcess, key: string): Promise<SeenModel> {
  const response = await fetch(`${node.url}/api/v1/models/${encodeURIComponent(key)}`);
  assert.equal(response.status, 200, `the node shows ${key}`);
  return (await response.json()) as SeenModel;
}

/** Status words of the copies of a model. */
export const copyStates = async (node: NodeProcess, key: string): Promise<readonly string[]> =>
  (await seenModel(node, key)).copies.map(({ status }) => status);

/** Lines of the node's log about `model` with this event. */
export const eventsOf = (node: NodeProcess, event: string, model: string): readonly LogLine[] =>
  node.program.log.filter((line) => line.event === event && line.model === model);

/** Grace of nodes under test: a copy that still counts a call would leave only after it. */
export const LONG_GRACE = { 'cache-drain-grace': '120s' } as const;
const AT_ONCE_MS = 15_000;

/**
 * The law of calls in flight: whatever happened before, a copy without callers counts none, so that it leaves at once and not after the
 * drain grace, which is to be {@link LONG_GRACE}.
 */
export async function leavesAtOnce(node: NodeProcess, key: string): Promise<void> {
  assert.deepEqual(await copyStates(node, key), ['LOADED'], `${key} has a copy that can leave`);
  const before = eventsOf(node, 'model-unloaded', key).length;
  const response = await fetch(`${node.url}/v2/repository/models/${encodeURIComponent(key)}/unload`, { method: 'POST' });
  assert.equal(response.status, 200);
  await response.arrayBuffer();
  await eventually(
    `${key} leaves at once, as no call is in flight`,
    AT_ONCE_MS,
    () => (eventsOf(node, 'model-unloaded', key).length > before ? true : undefined),
    () => node.program.log.slice(-5),
  );
  assert.deepEqual(
    await eventually(`no claim of ${key}`, AT_ONCE_MS, async () => {
      const states = await copyStates(node, key);
      return states.length === 0 ? states : undefined;
    }),
    [],
  );
}
