import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call, ECHO, PeerMesh, type PeerNode, refused, until } from './testing/index.ts';

/** Three nodes; the first has no copy of `m` and hears of those that `claims` name. */
async function three(...claims: readonly string[]): Promise<{ mesh: PeerMesh; a: PeerNode; b: PeerNode; c: PeerNode }> {
  const mesh = await PeerMesh.of(['a', 'b', 'c']);
  const [a, b, c] = [mesh.at(0), mesh.at(1), mesh.at(2)];
  for (const node of [b, c]) await node.route('m', null);
  await a.route('m', null, claims);
  return { mesh, a, b, c };
}

const serves = async (node: PeerNode): Promise<void> => node.route('m', node.serve('m'));
const notHere = { kind: 'not-here', message: 'it was evicted' } as const;

async function* words(...list: readonly string[]) {
  for (const word of list) yield [Buffer.from(word)];
}

describe('a claim that is stale', () => {
  it('costs one hop: the node says that the copy is not there, and the next one answers', async () => {
    const { mesh, a, b, c } = await three('b', 'c');
    await using _ = mesh;
    await serves(c);
    b.locate = () => notHere;
    for (let round = 0; round < 10; round++) assert.equal((await call(a, `q${round}`)).body, `q${round}`);
    assert.deepEqual(
      b.heard('locate').map(({ ask }) => ask),
      b.heard('locate').map(() => ({ kind: 'here', intent: 'copy' })),
    );
    assert.equal(a.heard('locate').length, 0, 'control need not be asked while another copy is known');
    assert.equal(a.records.length + (await a.explain()).length, 10, 'each says at which of the two it began');
    const hops = a.records.map(({ attempts }) => attempts.filter((line) => line.includes(' at b')));
    for (const lines of hops) assert.deepEqual(lines, ['not-here at b']);
  });

  it('of the only copy makes control find another place, and the node that had it may load it anew', async () => {
    const { mesh, a, b } = await three('b');
    await using _ = mesh;
    const intents: string[] = [];
    b.locate = ({ ask }) => {
      const intent = ask.kind === 'here' ? ask.intent : 'anywhere';
      intents.push(intent);
      return intent === 'load' ? { kind: 'serving', slot: b.serve('m') } : notHere;
    };
    // Control has not heard of the eviction either.
    a.locate = () => ({ kind: 'peer', instance: b.instance, intent: 'copy' });
    assert.equal((await call(a, 'q')).body, 'q');
    assert.deepEqual(intents, ['copy', 'load']);
  });
});

describe('a copy here whose runtime is restarting', () => {
  it('is not waited for while a copy elsewhere answers, and is the one again when there is no other', async () => {
    const { mesh, a, b } = await three();
    await using _ = mesh;
    await serves(b);
    await a.route('m', a.serve('m'), ['b']);
    a.runtimeDown();
    assert.equal((await call(a, 'q')).body, 'q');
    assert.equal(b.runtime.seen.length, 1);
    await a.route('m', a.serve('m'), []);
    const waiting = call(a, 'w');
    a.runtimeUp(2);
    assert.equal((await waiting).body, 'w');
  });
});

describe('a node that is asked to load and cannot', () => {
  it('is named as one that refused, once: by then it may have a copy for somebody else', async () => {
    const { mesh, a, b, c } = await three();
    await using _ = mesh;
    await serves(c);
    b.locate = () => notHere;
    const said: unknown[] = [];
    a.locate = ({ exclude, refused }) => {
      said.push([exclude, refused]);
      return { kind: 'peer', instance: said.length < 3 ? b.instance : c.instance, intent: 'load' };
    };
    assert.equal((await call(a, 'q')).body, 'q');
    assert.deepEqual(said, [
      [[], undefined],
      [['b'], [{ instance: 'b', sinceMs: null }]],
      [['b'], []],
    ]);
  });

  it('says why, and the call goes on without it', async () => {
    const { mesh, a, b } = await three();
    await using _ = mesh;
    const error = { kind: 'load-failed', message: 'broken file', retryAfterMs: null } as const;
    b.locate = () => ({ kind: 'failed', where: 'here', error });
    const excluded: unknown[] = [];
    a.locate = ({ exclude, refused }) => {
      excluded.push([exclude, refused]);
      if (exclude.length === 0) return { kind: 'peer', instance: b.instance, intent: 'load' };
      return { kind: 'serving', slot: a.serve('m') };
    };
    await a.route('m', null);
    assert.equal((await call(a, 'q')).body, 'q');
    assert.deepEqual(excluded, [
      [[], undefined],
      [['b'], [{ instance: 'b', sinceMs: null }]],
    ]);
    assert.deepEqual(a.records.at(-1)?.attempts, ['load-failed at b', 'b says load-failed: broken file']);
    assert.deepEqual([a.forwarded, b.forwarded], [['load-failed'], []], 'what the local runtime answered went nowhere');
  });

  it('is the last word when nobody else is left: kind and sentence reach the caller', async () => {
    const mesh = await PeerMesh.of(['a', 'b']);
    await using _ = mesh;
    const [a, b] = [mesh.at(0), mesh.at(1)];
    await b.route('m', null);
    await a.route('m', null);
    const error = { kind: 'load-failed', message: 'broken file', retryAfterMs: null } as const;
    b.locate = () => ({ kind: 'failed', where: 'here', error });
    a.locate = ({ exclude }) =>
      exclude.length === 0
        ? { kind: 'peer', instance: b.instance, intent: 'load' }
        : { kind: 'failed', where: 'nowhere', error: { ...error, message: 'nowhere: broken file' } };
    const { code, message, trailers } = await refused(call(a, 'q'));
    assert.deepEqual([code, message], [13, 'nowhere: broken file']);
    assert.equal(trailers?.get('mesh-error-bin'), undefined);
  });
});

describe('a node that goes away under a call', () => {
  it('is replaced by another where the call may be repeated', async () => {
    const { mesh, a, b, c } = await three('b');
    await using _ = mesh;
    await serves(c);
    const pending = call(a, 'q');
    await until(() => b.heard('locate').length > 0);
    await a.route('m', null, ['b', 'c']);
    await b.kill();
    assert.equal((await pending).body, 'q');
    assert.deepEqual(a.records.at(-1)?.attempts, ['connection-lost at b']);
    assert.deepEqual(a.forwarded, ['connection-lost', 'answered']);
    assert.equal(c.runtime.seen.length, 1);
  });

  it('ends a stream that may not be repeated as UNAVAILABLE, which says why', async () => {
    const { mesh, a, b, c } = await three('b', 'c');
    await using _ = mesh;
    await Promise.all([serves(b), a.route('m', null, ['b'])]);
    const stop = Promise.withResolvers<void>();
    async function* endless() {
      yield* words('1', '2');
      await stop.promise;
    }
    const answers = a.client.exchange(ECHO, endless(), { headers: ['mm-model-id', 'm'] });
    const reading = (async () => {
      for await (const _answer of answers) if (b.runtime.seen.length > 0) await b.kill();
    })();
    const error = await refused(reading);
    stop.resolve();
    assert.equal(error.code, 14);
    assert.match(error.message, /connection was lost.*not repeated: (a part of the answer|the request is too long, or a stream)/);
    assert.equal(c.runtime.seen.length, 0);
  });

  it('is not called again by a call that says mm-retry: never', async () => {
    const { mesh, a, b, c } = await three('b', 'c');
    await using _ = mesh;
    await a.route('m', null, ['b']);
    await serves(c);
    const pending = refused(call(a, 'q', ['mm-retry', 'never']));
    await until(() => b.heard('locate').length > 0);
    await a.route('m', null, ['b', 'c']);
    await b.kill();
    const error = await pending;
    assert.equal(error.code, 14);
    assert.match(error.message, /mm-retry: never/);
    assert.equal(c.runtime.seen.length, 0);
  });

  it('is no candidate from then on, control is told, and it is one again when it answers', async () => {
    const { mesh, a, b, c } = await three('b', 'c');
    await using _ = mesh;
    await Promise.all([serves(b), serves(c)]);
    const gone = { ...b.asPeer, address: '127.0.0.1:1' };
    await a.knows([gone]);
    for (let round = 0; round < 10; round++) assert.equal((await call(a, 'q')).body, 'q');
    assert.equal(c.runtime.seen.length, 10);
    assert.ok(a.records.length <= 1, 'only the call that found it out was repeated');
    assert.deepEqual(a.heard('peer-state'), [{ kind: 'peer-state', instance: 'b', incarnation: '1', reachable: false }]);
    await a.knows([b.asPeer]);
    while (b.runtime.seen.length === 0) assert.equal((await call(a, 'q')).body, 'q');
  });
});

describe('a runtime of another node', () => {
  it('that is away refuses nothing for good: the call goes elsewhere, though it may not be repeated', async () => {
    const { mesh, a, b, c } = await three('b', 'c');
    await using _ = mesh;
    await Promise.all([serves(b), serves(c)]);
    b.runtimeDown();
    for (let round = 0; round < 10; round++) assert.equal((await call(a, 'q', ['mm-retry', 'never'])).body, 'q');
    assert.equal(c.runtime.seen.length, 10);
  });

  it('that has lost its model is told to its control, and the call is answered by another copy', async () => {
    const { mesh, a, b, c } = await three('b', 'c');
    await using _ = mesh;
    await Promise.all([serves(b), serves(c)]);
    b.runtime.loaded.clear();
    for (let round = 0; round < 10; round++) assert.equal((await call(a, 'q')).body, 'q');
    await until(() => b.heard('not-in-runtime').length > 0);
  });

  for (const [failure, code, words] of [
    ['UNAVAILABLE no room', 14, /^the runtime is unavailable: no room \(1 attempt, the last on b\)/],
    ['RESOURCE_EXHAUSTED busy', 8, /^busy$/],
  ] as const)
    it(`whose own ${failure} is all there is has the last word, and not that nobody else takes the model`, async () => {
      const { mesh, a, b } = await three('b');
      await using _ = mesh;
      await serves(b);
      const error = { kind: 'no-capacity', message: 'nobody has the label', retryAfterMs: null } as const;
      a.locate = () => ({ kind: 'failed', where: 'nowhere', error });
      const failed = await refused(call(a, 'q', ['null-fail', failure]));
      assert.equal(failed.code, code);
      assert.match(failed.message, words);
      assert.equal(b.runtime.seen.length, 1);
      assert.ok(a.records.at(-1)?.attempts.includes('nobody else: nobody has the label'));
    });

  it('that is exhausted is asked once, and then another; its own words pass when that is too', async () => {
    const { mesh, a, b, c } = await three('b', 'c');
    await using _ = mesh;
    await Promise.all([serves(b), serves(c)]);
    const { code, message } = await refused(call(a, 'q', ['null-fail', 'RESOURCE_EXHAUSTED busy']));
    assert.deepEqual([code, message], [8, 'busy']);
    assert.deepEqual([b.runtime.seen.length, c.runtime.seen.length], [1, 1]);
  });
});
