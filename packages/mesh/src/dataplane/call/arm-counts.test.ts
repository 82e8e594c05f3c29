import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, endpointId, modelKey } from '@modelmesh/core';
import { newEndpointPolicy, newVariant, type StrategyPolicy } from '@modelmesh/core/records';
import { FakeClock } from '@modelmesh/core/testing';
import type { ArmCount, DataPlaneEnd, EndpointRoute, ToControl } from '../../link/index.ts';
import { RouteTable } from '../routes/index.ts';
import { ArmCounts, TELL_AFTER_MS } from './arm-counts.ts';

function rig() {
  const clock = new FakeClock();
  const routes = new RouteTable();
  const told: ToControl[] = [];
  const link: DataPlaneEnd = { send: (message) => told.push(message), onMessage: () => {} };
  const counts = new ArmCounts(link, routes, clock);
  let version = 0;
  const route = (id: string, revision: number, strategy: StrategyPolicy | null): void => {
    const variants = ['a', 'b'].map((name) => newVariant({ name, model: modelKey(name) }));
    const policy = strategy === null ? null : newEndpointPolicy({ variants, defaultVariant: 'a', strategy });
    const endpoint: EndpointRoute = {
      id: endpointId(id),
      revision,
      variant: 'a',
      model: modelKey('a'),
      successor: null,
      policy: policy === null ? null : { policy, slots: new Map(), published: null },
    };
    version += 1;
    const parts = { models: [], endpoints: [endpoint], families: [], peers: [] };
    routes.applySnapshot({ kind: 'route-snapshot', epoch: 1, version, last: true, parts });
  };
  const end = (id: string, revision: number, variant: string, code: number, tookMs = 1): void =>
    counts.ended({ id: endpointId(id), revision, variant }, code, durationMs(tookMs));
  const next = (): readonly ArmCount[] => {
    clock.advance(TELL_AFTER_MS);
    return told.splice(0).flatMap((message) => (message.kind === 'arms' ? message.counts : []));
  };
  return { clock, route, end, next };
}

it('calls of an endpoint that learns are counted by variant, and told once a second', () => {
  const { route, end, next, clock } = rig();
  route('e', 3, { name: 'thompson', config: { latencyTargetMs: 10 } });
  for (const [variant, code, tookMs] of [
    ['a', 0, 5],
    ['a', 0, 50],
    ['a', 14, 5],
    ['b', 0, 1],
    ['b', 1, 1],
    ['b', 3, 1],
  ] as const)
    end('e', 3, variant, code, tookMs);
  assert.equal(clock.pendingTimers, 1);
  assert.deepEqual(next(), [
    { id: 'e', revision: 3, variant: 'a', calls: 3, rewards: 1 },
    { id: 'e', revision: 3, variant: 'b', calls: 1, rewards: 1 },
  ]);
  assert.deepEqual(next(), [], 'nothing was counted since');
  end('e', 3, 'b', 13);
  assert.deepEqual(next(), [{ id: 'e', revision: 3, variant: 'b', calls: 1, rewards: 0 }]);
});

it('calls that nobody learns from are not counted', () => {
  const { route, end, next, clock } = rig();
  end('unknown', 1, 'a', 0);
  route('e', 1, null);
  end('e', 1, 'a', 0);
  route('e', 2, { name: 'least-loaded', config: {} });
  end('e', 2, 'a', 0);
  route('e', 3, { name: 'thompson', config: {} });
  end('e', 2, 'a', 0);
  assert.equal(clock.pendingTimers, 0);
  assert.deepEqual(next(), []);
});

it('what was counted under a policy is told as of that policy, also when another is in force', () => {
  const { route, end, next } = rig();
  route('e', 1, { name: 'mine', config: {} });
  end('e', 1, 'a', 0);
  route('e', 2, { name: 'mine', config: {} });
  end('e', 2, 'a', 0);
  assert.deepEqual(
    next().map(({ revision }) => revision),
    [1, 2],
  );
});
