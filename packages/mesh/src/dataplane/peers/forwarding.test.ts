import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { GATHER, SPREAD } from '../../testing/index.ts';
import { call, ECHO, PeerMesh, type PeerNode, refused, until } from './testing/index.ts';

/** Two nodes of which the second has the copy of `m`. */
async function apart(): Promise<{ mesh: PeerMesh; entry: PeerNode; holder: PeerNode }> {
  const mesh = await PeerMesh.of(['a', 'b']);
  const [entry, holder] = [mesh.at(0), mesh.at(1)];
  await holder.route('m', holder.serve('m'));
  await entry.route('m', null, ['b']);
  return { mesh, entry, holder };
}

const internal = (block: HeaderBlock | undefined): readonly string[] =>
  (block?.raw() ?? []).filter((text, at) => at % 2 === 0 && text.startsWith('mesh-'));

describe('a call for a model that is at another node', () => {
  it('is answered through the node that it entered, with the same bytes and the metadata of both sides', async () => {
    const { mesh, entry, holder } = await apart();
    await using _ = mesh;
    const { body, headers, trailers } = await call(entry, 'question', ['x-request-id', 'r-1', 'null-trailer', 'kept']);
    assert.equal(body, 'question');
    const [seen] = holder.runtime.seen;
    assert.equal(seen?.get('x-request-id'), 'r-1');
    assert.equal(seen?.get('mm-model-id'), 'm');
    assert.equal(trailers?.get('null-trailer'), 'kept');
    for (const block of [seen, headers, trailers]) assert.deepEqual(internal(block), []);
    assert.equal(entry.runtime.seen.length, 0);
    assert.equal(entry.callsAt(holder), 0);
    assert.equal(holder.finished.length, 0, 'the call of a client is counted where it entered');
    assert.equal(entry.finished.length, 1);
    assert.deepEqual([entry.forwarded, holder.forwarded], [['answered'], []]);
  });

  it('and at a third: which one was chosen is kept as facts, and told to nobody until control asks', async () => {
    const mesh = await PeerMesh.of(['a', 'b', 'c']);
    await using _ = mesh;
    const [entry, b, c] = [mesh.at(0), mesh.at(1), mesh.at(2)];
    for (const holder of [b, c]) await holder.route('m', holder.serve('m'));
    await entry.route('m', null, ['b', 'c']);
    for (const id of ['r-1', 'r-2', 'r-3']) await call(entry, 'q', ['x-request-id', id]);
    assert.deepEqual([entry.heard('call-ended'), entry.heard('explained')], [[], []]);
    const told = await entry.explain();
    assert.deepEqual(
      told.map(({ number, requestId, model }) => [number, requestId, model]),
      [
        [3, 'r-3', 'm'],
        [2, 'r-2', 'm'],
        [1, 'r-1', 'm'],
      ],
    );
    for (const { considered } of told)
      assert.deepEqual(considered.map(({ instance, inFlight }) => [instance, inFlight]).toSorted(), [
        ['b', 0],
        ['c', 0],
      ]);
    const chosen = (name: string) => told.filter(({ considered }) => considered[0]?.instance === name).length;
    assert.deepEqual([chosen('b'), chosen('c')], [b.runtime.seen.length, c.runtime.seen.length]);
    assert.deepEqual((await entry.explain({ requestId: 'r-2' })).length, 1);
  });

  it("gets the runtime's error byte for byte: code, message, details and trailers", async () => {
    const { mesh, entry } = await apart();
    await using _ = mesh;
    const details = Buffer.from('details of the runtime').toString('base64').replace(/=+$/, '');
    const more = ['null-fail', 'INVALID_ARGUMENT bad 100%', 'null-details-bin', details, 'null-trailer', 'kept'];
    const error = await refused(call(entry, 'x', more));
    assert.deepEqual([error.code, error.message], [3, 'bad 100%']);
    assert.equal(error.trailers?.get('grpc-status-details-bin'), details);
    assert.equal(error.trailers?.get('null-trailer'), 'kept');
    assert.deepEqual(internal(error.trailers), []);
    assert.deepEqual(entry.forwarded, ['runtime-status']);
  });

  it('§6.6 takes what is logged of its headers along to the node of the runtime, those too that the runtime never sees', async () => {
    const { mesh, entry, holder } = await apart();
    await using _ = mesh;
    entry.loggedHeaders.push('x-tenant', 'mm-balanced');
    await call(entry, 'question', ['x-tenant', 'acme', 'mm-balanced', 'true', 'x-request-id', 'r-1']);
    const fields = { 'x-tenant': 'acme', 'mm-balanced': 'true' };
    const logged = holder.logged.map((log) => ({ fields: log?.fields, requestId: log?.requestId, forwarded: log?.forwarded }));
    assert.deepEqual(logged, [{ fields, requestId: 'r-1', forwarded: true }]);
    assert.deepEqual(internal(holder.runtime.seen[0]), []);
    const forged = ['mesh-log-fields-bin', Buffer.from('{"admin":"yes"}').toString('base64')];
    await call(entry, 'question', forged);
    assert.deepEqual(holder.logged[1]?.fields, { 'x-tenant': '', 'mm-balanced': '' }, 'a client cannot write into the log');
  });

  it('brings its internal headers only from a peer: those of a client are dropped', async () => {
    const { mesh, entry, holder } = await apart();
    await using _ = mesh;
    const forged = ['mesh-call', '9 load 3 x,y,z', 'mesh-endpoint', 'other 1 v', 'mesh-anything', '1'];
    assert.equal((await call(entry, 'q', forged)).body, 'q');
    assert.deepEqual(internal(holder.runtime.seen[0]), []);
  });

  it('streams in all four ways', async () => {
    const { mesh, entry } = await apart();
    await using _ = mesh;
    const headers = ['mm-model-id', 'm'];
    async function* words(...list: readonly string[]) {
      for (const word of list) yield [Buffer.from(word)];
    }
    const gathered: string[] = [];
    for await (const answer of entry.client.exchange(GATHER, words('a', 'b', 'c'), { headers }))
      gathered.push(Buffer.from(answer).toString());
    assert.deepEqual(gathered, ['abc']);
    const spread: string[] = [];
    for await (const answer of entry.client.exchange(SPREAD, words('x y z'), { headers }))
      spread.push(Buffer.from(answer).toString());
    assert.deepEqual(spread, ['x', 'y', 'z']);
    const echoed: string[] = [];
    for await (const answer of entry.client.exchange(ECHO, words('1', '2', '3'), { headers }))
      echoed.push(Buffer.from(answer).toString());
    assert.deepEqual(echoed, ['1', '2', '3']);
    const error = await refused(Array.fromAsync(entry.client.exchange(SPREAD, words('a fail'), { headers })));
    assert.deepEqual([error.code, error.message], [15, 'the rest is lost']);
  });

  it('is cancelled there when the client goes away', async () => {
    const { mesh, entry, holder } = await apart();
    await using _ = mesh;
    const calls = entry.client.exchange(
      SPREAD,
      (async function* () {
        yield [Buffer.from('first wait')];
      })(),
      { headers: ['mm-model-id', 'm'] },
    );
    for await (const _first of calls) break;
    await until(() => holder.runtime.spreadsCancelled > 0);
    assert.equal(entry.callsAt(holder), 0);
  });

  it('has the time that remains, there too, and ends there as well when it has passed', async () => {
    const { mesh, entry, holder } = await apart();
    await using _ = mesh;
    await call(entry, 'q', [], 5000);
    const [, told] = /^(\d+)m$/.exec(holder.runtime.seen[0]?.get('grpc-timeout') ?? '') ?? [];
    assert.ok(Number(told) > 0 && Number(told) <= 5000, `the runtime was told ${told}`);
    // A copy that is still loading there keeps the call waiting.
    await holder.route('m', null);
    await assert.rejects(call(entry, 'q', [], 150), { kind: 'deadline-exceeded' });
    await until(() => holder.dataPlane.plane.locator.waitingCalls === 0 && entry.callsAt(holder) === 0);
  });

  it('goes at the pace of its reader, who stalls nobody else', async () => {
    const { mesh, entry, holder } = await apart();
    await using _ = mesh;
    const MESSAGES = 128;
    const message = Buffer.alloc(131_072, 7);
    let taken = 0;
    async function* many() {
      for (; taken < MESSAGES; taken++) yield [Buffer.from(message)];
    }
    const answers = entry.client.exchange(ECHO, many(), { headers: ['mm-model-id', 'm'] });
    await until(() => holder.runtime.seen.length > 0);
    for (let round = 0; round < 20; round++) assert.equal((await call(entry, `q${round}`)).body, `q${round}`);
    assert.ok(taken < MESSAGES / 2, `${taken} of ${MESSAGES} messages were taken of a caller that reads nothing`);
    let received = 0;
    for await (const answer of answers) received += Number(Buffer.from(answer).equals(message));
    assert.equal(received, MESSAGES);
  });
});
