import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { durationMs, modelKey } from '@modelmesh/core';
import { newEndpointPolicy, newVariant } from '@modelmesh/core/records';
import { factsOf } from '@modelmesh/core/traffic/testing';
import { systemClock } from '../node/index.ts';
import { PickStrategies, pickSetup, startStrategyThread } from './index.ts';

const CALLS = 5000;
/** Ten times what it was seen to take leaves room for slow machines. */
const MEDIAN_MS_MAX = 0.3;

it('a strategy in the path of a request costs tens of microseconds', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pick-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 's.mjs');
  writeFileSync(
    path,
    "export default { plugin: 'strategy', form: 'pick', name: 's', pick: ({ headers }) => headers['x-variant'] };",
  );
  const setup = pickSetup([{ name: 's', form: 'pick', module: pathToFileURL(path).href }]);
  const patient = { waitMaxMs: durationMs(1000), budgetMs: durationMs(1000) };
  const strategies = new PickStrategies(setup, { clock: systemClock, start: startStrategyThread, ...patient, tell: () => {} });
  context.after(() => strategies.close());
  const variants = ['a', 'b'].map((name) => newVariant({ name, model: modelKey(name) }));
  const policy = newEndpointPolicy({ variants, defaultVariant: 'a' });
  const facts = factsOf({ headers: { 'x-variant': 'b', 'user-agent': 'suite', 'x-request-id': 'r'.repeat(36) } });
  const pick = () => strategies.pick('s', facts, { endpoint: 'e', policy, shares: [5000, 5000], inFlight: () => 0 });
  while (pick() === undefined) await new Promise(setImmediate);
  const took: number[] = [];
  for (let at = 0; at < CALLS; at++) {
    const beganMs = performance.now();
    assert.equal(pick(), 1);
    took.push(performance.now() - beganMs);
  }
  took.sort((a, b) => a - b);
  const [median = 0, p99 = 0] = [took[CALLS >> 1], took[Math.floor(CALLS * 0.99)]];
  console.log(`a pick of a plug-in takes ${(1000 * median).toFixed(0)} µs, p99 ${(1000 * p99).toFixed(0)} µs`);
  assert.ok(median < MEDIAN_MS_MAX);
});
