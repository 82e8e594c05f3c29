import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../node/index.ts';
import { call, Freezer, OwnTime, PeerMesh, type PeerNode, refused, until } from './testing/index.ts';

interface World extends AsyncDisposable {
  readonly clock: OwnTime;
  readonly way: Freezer;
  readonly a: PeerNode;
  readonly b: PeerNode;
  readonly c: PeerNode;
}

/** Three nodes of which the first reaches the second through a way that can be frozen; both others have copies. */
async function frozen(): Promise<World> {
  const clock = new OwnTime(systemClock);
  const mesh = await PeerMesh.of(['a', 'b', 'c'], () => ({ clock }));
  const [a, b, c] = [mesh.at(0), mesh.at(1), mesh.at(2)];
  const way = await Freezer.before(Number(b.asPeer.address.split(':')[1]));
  await a.knows([{ ...b.asPeer, address: way.address }]);
  await b.route('m', null);
  await c.route('m', c.serve('m'));
  await a.route('m', null, ['b']);
  const end = async (): Promise<void> => {
    await way.close();
    await mesh[Symbol.asyncDispose]();
    clock[Symbol.dispose]();
  };
  return { clock, way, a, b, c, [Symbol.asyncDispose]: end };
}

describe('a node that is stopped', () => {
  it('leaves the candidates within a second, its call is answered elsewhere, and it is a candidate again when it goes on', async () => {
    await using world = await frozen();
    const { clock, way, a, b } = world;
    const pending = call(a, 'q');
    await until(() => b.heard('locate').length > 0);
    await a.route('m', null, ['b', 'c']);
    const stoppedMs = clock.monotonicMs();
    way.freeze();
    assert.equal((await pending).body, 'q');
    const gone = clock.monotonicMs() - stoppedMs;
    assert.ok(gone < 1000, `after ${Math.round(gone)} ms`);
    for (let round = 0; round < 20; round++) await call(a, 'q', [], 400);
    assert.deepEqual(
      a.heard('peer-state').map(({ instance, reachable }) => [instance, reachable]),
      [['b', false]],
    );
    way.thaw();
    await until(() => a.heard('peer-state').length > 1);
    assert.equal(a.heard('peer-state').at(-1)?.reachable, true);
    assert.deepEqual(
      a.reports.map(({ reachable }) => reachable),
      [false, true],
    );
  });

  it('and that nobody else can stand in for is waited for: its call, and those that come meanwhile, are answered when it goes on', async () => {
    await using world = await frozen();
    const { way, a, b } = world;
    const error = { kind: 'registry-unavailable', message: 'no model is loaded', retryAfterMs: null } as const;
    a.locate = () => ({ kind: 'failed', where: 'nowhere', error });
    await b.route('m', b.serve('m'));
    assert.equal((await call(a, 'warm')).body, 'warm');
    way.freeze();
    const underWay = call(a, 'under way');
    const never = refused(call(a, 'never', ['mm-retry', 'never']));
    await until(() => a.heard('peer-state').length > 0);
    const meanwhile = call(a, 'meanwhile');
    assert.match((await never).message, /mm-retry: never/);
    await until(() => a.heard('locate').length > 1);
    way.thaw();
    assert.deepEqual([(await underWay).body, (await meanwhile).body], ['under way', 'meanwhile']);
    const waits = 'nobody else: no model is loaded; waits for b to answer again';
    const attempts = a.records.map((record) => record.attempts).filter((lines) => lines.includes(waits));
    assert.deepEqual(attempts, [['connection-lost at b', waits]]);
  });

  it('before the first call is found out by the hello that it does not say, within a second', async () => {
    await using world = await frozen();
    const { clock, way, a, b } = world;
    way.freeze();
    const stoppedMs = clock.monotonicMs();
    const pending = call(a, 'q');
    await until(() => a.callsAt(b) > 0);
    await a.route('m', null, ['b', 'c']);
    assert.equal((await pending).body, 'q');
    const gone = clock.monotonicMs() - stoppedMs;
    assert.ok(gone < 1000, `after ${Math.round(gone)} ms`);
  });

  it('and whose hello is awaited has got nothing yet, so that a call leaves it in time for another copy, though it may not be repeated', async () => {
    await using world = await frozen();
    const { way, a, b } = world;
    way.freeze();
    const pending = call(a, 'q', ['mm-retry', 'never'], 600);
    await until(() => a.callsAt(b) > 0);
    await a.route('m', null, ['b', 'c']);
    assert.equal((await pending).body, 'q');
    assert.deepEqual(a.records.at(-1)?.attempts, ['connect-refused at b']);
  });

  it('is no reason to wait until the deadline: an attempt has four fifths of what remains while others could answer', async () => {
    await using world = await frozen();
    const { a, b } = world;
    const pending = call(a, 'q', [], 2000);
    await until(() => b.heard('locate').length > 0);
    // It answers pings, and the call waits there for a load without end.
    await a.route('m', null, ['b', 'c']);
    assert.equal((await pending).body, 'q');
    assert.deepEqual(a.records.at(-1)?.attempts, ['attempt-timeout at b']);
  });

  it('nor is that it may be loading the model: the call is left for another copy, but not for one more load', async () => {
    await using world = await frozen();
    const { clock, a, b } = world;
    const nowMs = clock.wallMs();
    await a.route('m', null, ['b'], nowMs);
    const alone = assert.rejects(call(a, 'q', [], 1000), /deadline passed/);
    await until(() => b.heard('locate').length > 0);
    await alone;
    assert.equal(a.heard('locate').length, 0, 'nobody else is asked to load it');
    await a.route('m', null, ['b', 'c'], nowMs);
    const records = a.records.length;
    assert.equal((await call(a, 'q', [], 1000)).body, 'q');
    assert.deepEqual(a.records.slice(records).at(-1)?.attempts, ['attempt-timeout at b']);
  });

  it('waits to the end for an answer to a call that may not be repeated', async () => {
    await using world = await frozen();
    const { a, b } = world;
    const pending = assert.rejects(call(a, 'q', ['mm-retry', 'never'], 1000), /deadline passed/);
    await until(() => b.heard('locate').length > 0);
    await a.route('m', null, ['b', 'c']);
    await pending;
  });
});
