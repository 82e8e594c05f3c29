import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  durationMs,
  endpointId,
  epochMs,
  type InstanceId,
  instanceId,
  MeshError,
  type MeshErrorKind,
  modelKey,
  sizeUnits,
} from '@modelmesh/core';
import type { DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import { SeededRandom } from '@modelmesh/core/testing';
import { DiffBook, NOTHING_COMPARED } from '@modelmesh/core/traffic';
import type { Introduction, PeerAddress, PeerCopy, PeerLoad, PeerService, Peers } from '../index.ts';

/** Where nodes of a suite meet. */
export interface PeerWorld extends AsyncDisposable {
  /** Serves a node whose wall clock is ahead by `aheadMs`; `stop` ends it. */
  serve(service: PeerService, aheadMs?: number): Promise<{ readonly address: string; stop(): Promise<void> }>;
  /** Serves another life at an address that was stopped. */
  serveAgain(address: string, service: PeerService): Promise<void>;
  /** An address at which nobody listens. */
  readonly nowhere: string;
  peers(self: Introduction): Peers;
}

const MODEL = modelKey('fraud@3');
const NEVER = new AbortController().signal;
const LOADED: PeerCopy = { kind: 'loaded' };

const introduction = (name: string, more: Partial<Introduction> = {}): Introduction => ({
  protocol: { min: 1, max: 1 },
  cluster: 'mesh/test',
  instance: instanceId(name),
  incarnation: `${name}-1`,
  features: ['one', 'two'],
  ...more,
});

/** A node that answers as it is told and remembers what it was asked. */
function node(self: Introduction, answers: Partial<PeerService> = {}) {
  const asked: unknown[] = [];
  const service: PeerService = {
    self,
    load: async (from, load, signal) => {
      asked.push(['load', from, load]);
      return (await answers.load?.(from, load, signal)) ?? LOADED;
    },
    copy: (from, model) => {
      asked.push(['copy', from, model]);
      return answers.copy?.(from, model) ?? LOADED;
    },
    unload: (from, model) => {
      asked.push(['unload', from, model]);
      answers.unload?.(from, model);
    },
    explain: async (query, signal) => {
      asked.push(['explain', query]);
      return (await answers.explain?.(query, signal)) ?? [];
    },
    diff: async (endpoint, signal) => {
      asked.push(['diff', endpoint]);
      return (await answers.diff?.(endpoint, signal)) ?? [];
    },
  };
  return { service, asked };
}

const LOAD: PeerLoad = {
  model: MODEL,
  lastUsedMs: epochMs(1_700_000_000_123),
  sync: true,
  exclude: [instanceId('x'), instanceId('y')],
  knownUnits: sizeUnits(77),
  moreCopies: 2,
};

const at = (name: string, address: string, incarnation: string | null = `${name}-1`): PeerAddress => ({
  instance: instanceId(name),
  incarnation,
  address,
});

async function failsWith(promise: Promise<unknown>, kind: MeshErrorKind, message = /./): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MeshError, String(error));
  assert.deepEqual([error.kind, message.test(error.message)], [kind, true], error.message);
}

/** The laws of `Peers`: what every adapter does, whatever carries its messages. */
export function peersContract(adapter: string, makeWorld: () => Promise<PeerWorld>): void {
  describe(`peers: ${adapter}`, () => {
    it('meet, and each knows what the other says of itself, how its clock stands and how far it is', async () => {
      await using world = await makeWorld();
      const b = introduction('b', { protocol: { min: 1, max: 4 }, features: ['alone'] });
      const { address } = await world.serve(node(b).service, 60_000);
      const peers = world.peers(introduction('a'));
      const met = await peers.hello(at('b', address), NEVER);
      const { wallMs: _, ...said } = met.hello;
      assert.deepEqual(said, b);
      assert.equal(met.protocol, 1);
      assert.ok(met.roundTripMs >= 0 && met.roundTripMs < 5000);
      assert.ok(Math.abs(met.skewMs - 60_000) <= met.roundTripMs + 5, `${met.skewMs}`);
      peers.close();
    });

    it('speak the highest version that both know, N with N − 1 too, and do not work together without one', async () => {
      await using world = await makeWorld();
      const old = await world.serve(node(introduction('old', { protocol: { min: 1, max: 1 } })).service);
      const fresh = await world.serve(node(introduction('new', { protocol: { min: 2, max: 3 } })).service);
      const peers = world.peers(introduction('a', { protocol: { min: 1, max: 2 } }));
      assert.equal((await peers.hello(at('old', old.address), NEVER)).protocol, 1);
      assert.equal((await peers.hello(at('new', fresh.address), NEVER)).protocol, 2);
      assert.deepEqual(await peers.load(at('old', old.address), LOAD, NEVER), LOADED);
      peers.close();
      const ancient = world.peers(introduction('a'));
      for (const asked of [ancient.hello(at('new', fresh.address), NEVER), ancient.load(at('new', fresh.address), LOAD, NEVER)])
        await failsWith(asked, 'failed-precondition', /versions 2 to 3|versions 1 to 1/);
      ancient.close();
    });

    it('refuse a node of another mesh, whatever it asks', async () => {
      await using world = await makeWorld();
      const { service, asked } = node(introduction('b'));
      const { address } = await world.serve(service);
      const stranger = world.peers(introduction('a', { cluster: 'mesh/other' }));
      await failsWith(stranger.hello(at('b', address), NEVER), 'failed-precondition', /mesh\/other/);
      await failsWith(stranger.load(at('b', address), LOAD, NEVER), 'failed-precondition', /mesh\/other/);
      assert.deepEqual(asked, []);
      stranger.close();
    });

    it('take an answer only of the instance, and of the life, that was meant', async () => {
      await using world = await makeWorld();
      const { service, asked } = node(introduction('b'));
      const { address } = await world.serve(service);
      const peers = world.peers(introduction('a'));
      await failsWith(peers.hello(at('b', address, 'b-2'), NEVER), 'unavailable', /b-2/);
      await failsWith(peers.load(at('b', address, 'b-2'), LOAD, NEVER), 'unavailable', /b-2/);
      await failsWith(peers.copy(at('c', address, null), MODEL, NEVER), 'unavailable', /not c/);
      assert.deepEqual(asked, []);
      assert.deepEqual(await peers.copy(at('b', address, null), MODEL, NEVER), LOADED);
      peers.close();
    });

    it('tell decisions, each part of them, as many as an answer holds, and those that were asked for', async () => {
      await using world = await makeWorld();
      const whole: DecisionRecord = {
        id: 7,
        kind: 'placement',
        atMs: epochMs(1_700_000_000_123),
        model: MODEL,
        models: [modelKey('a'), modelKey('b')],
        instance: instanceId('x'),
        requestId: 'r/1',
        because: 'it is so',
        details: { rejected: [{ instance: 'y', because: 'full' }], bytes: 1.5 },
      };
      const bare: DecisionRecord = { ...whole, id: 6, model: null, models: [], instance: null, requestId: null, details: {} };
      const { service, asked } = node(introduction('b'), { explain: async () => [whole, bare] });
      const peer = at('b', (await world.serve(service)).address);
      const peers = world.peers(introduction('a'));
      const query: DecisionQuery = { kind: 'placement', model: MODEL, instance: instanceId('x'), requestId: 'r/1' };
      assert.deepEqual(await peers.explain(peer, query, NEVER), [whole, bare]);
      await peers.explain(peer, {}, NEVER);
      assert.deepEqual(asked, [
        ['explain', query],
        ['explain', {}],
      ]);
      peers.close();
    });

    it('tell how shadows compare, each part of it', async () => {
      await using world = await makeWorld();
      const end = { code: 0, tookMs: durationMs(1.5) };
      const comparison = {
        ...NOTHING_COMPARED,
        equal: false,
        because: 'it differs',
        flips: 1,
        rows: 1,
        topK: 0.5,
        cosine: -0.25,
      };
      const book = new DiffBook(new SeededRandom(1));
      const ref = { endpoint: endpointId('fraud'), revision: 3, mirror: 'next' };
      const origin = { requestId: 'r/1', atMs: epochMs(1_700_000_000_123) };
      for (const segment of [null, 'eu'])
        book.add(ref, { live: end, shadow: end, comparison, incomparable: null }, { ...origin, segment });
      book.add(
        ref,
        { live: end, shadow: { ...end, code: 14 }, comparison: null, incomparable: null },
        { ...origin, segment: null },
      );
      book.drop(ref, null, 'queue-full');
      const diffs = book.of(ref.endpoint);
      const { service, asked } = node(introduction('b'), { diff: async () => diffs });
      const peer = at('b', (await world.serve(service)).address);
      const peers = world.peers(introduction('a'));
      assert.deepEqual(await peers.diff(peer, ref.endpoint, NEVER), diffs);
      assert.deepEqual(asked, [['diff', 'fraud']]);
      peers.close();
    });

    it('carry every part of a load, of a question and of a drop, and who asks', async () => {
      await using world = await makeWorld();
      const { service, asked } = node(introduction('b'));
      const peer = at('b', (await world.serve(service)).address);
      const peers = world.peers(introduction('a'));
      const bare: PeerLoad = { ...LOAD, sync: false, exclude: [], knownUnits: null, moreCopies: 0 };
      await peers.load(peer, LOAD, NEVER);
      await peers.load(peer, bare, NEVER);
      await peers.copy(peer, MODEL, NEVER);
      await peers.unload(peer, MODEL, NEVER);
      const a: InstanceId = instanceId('a');
      assert.deepEqual(asked, [
        ['load', a, LOAD],
        ['load', a, bare],
        ['copy', a, MODEL],
        ['unload', a, MODEL],
      ]);
      peers.close();
    });

    it('carry every kind of answer', async () => {
      await using world = await makeWorld();
      const kinds: readonly PeerCopy[] = [
        LOADED,
        { kind: 'loading' },
        { kind: 'absent', message: 'no room: 5 of 5 units are in use' },
        { kind: 'failed', failure: { atMs: epochMs(1_700_000_000_456), message: 'broken file' } },
      ];
      const answers = [...kinds];
      const { service } = node(introduction('b'), { copy: () => answers.shift() ?? LOADED });
      const peer = at('b', (await world.serve(service)).address);
      const peers = world.peers(introduction('a'));
      for (const kind of kinds) assert.deepEqual(await peers.copy(peer, MODEL, NEVER), kind);
      peers.close();
    });

    it('carry an error of the one who is asked with its kind and its sentence', async () => {
      await using world = await makeWorld();
      const { service } = node(introduction('b'), {
        load: async () => {
          throw new MeshError('overloaded', 'too many loads wait');
        },
      });
      const peer = at('b', (await world.serve(service)).address);
      const peers = world.peers(introduction('a'));
      await failsWith(peers.load(peer, LOAD, NEVER), 'overloaded', /too many loads wait/);
      peers.close();
    });

    it('end a request when the one who asks waits no longer', async () => {
      await using world = await makeWorld();
      const arrived = Promise.withResolvers<void>();
      const { service } = node(introduction('b'), {
        load: () => {
          arrived.resolve();
          return new Promise(() => {});
        },
      });
      const peer = at('b', (await world.serve(service)).address);
      const peers = world.peers(introduction('a'));
      const controller = new AbortController();
      const asked = peers.load(peer, LOAD, controller.signal);
      await arrived.promise;
      controller.abort();
      await failsWith(asked, 'cancelled');
      await failsWith(peers.hello(peer, AbortSignal.abort()), 'cancelled');
      peers.close();
    });

    it('say so when nobody answers, or after their end', async () => {
      await using world = await makeWorld();
      const peers = world.peers(introduction('a'));
      await failsWith(peers.hello(at('b', world.nowhere), NEVER), 'unavailable');
      const { address } = await world.serve(node(introduction('b')).service);
      peers.close();
      await failsWith((async () => peers.hello(at('b', address), NEVER))(), 'unavailable', /shutting down/);
    });

    it('reach a peer that went away and came back, as the life that it is then', async () => {
      await using world = await makeWorld();
      const first = await world.serve(node(introduction('b')).service);
      const peers = world.peers(introduction('a'));
      await peers.copy(at('b', first.address), MODEL, NEVER);
      await first.stop();
      await failsWith(peers.copy(at('b', first.address), MODEL, NEVER), 'unavailable');
      await world.serveAgain(first.address, node(introduction('b', { incarnation: 'b-2' })).service);
      await failsWith(peers.copy(at('b', first.address), MODEL, NEVER), 'unavailable', /b-2/);
      assert.deepEqual(await peers.copy(at('b', first.address, 'b-2'), MODEL, NEVER), LOADED);
      peers.close();
    });
  });
}
