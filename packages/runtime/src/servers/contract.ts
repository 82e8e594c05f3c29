import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MeshError, type MeshErrorKind } from '@modelmesh/core';
import type { CallHandler, InferenceCall, ModelRequest, ModelServer } from './port.ts';

/** A server under test; `await using` ends it. */
export interface ServerSubject extends AsyncDisposable {
  readonly server: ModelServer;
  /** A model that loads, and one whose load fails with this kind. */
  readonly good: (modelId: string) => ModelRequest;
  readonly bad: { readonly request: (modelId: string) => ModelRequest; readonly kind: MeshErrorKind };
  /** A model that is loaded from somewhere else than `good`. */
  readonly other: (modelId: string) => ModelRequest;
}

/** Everything that a call sent to its caller. */
export interface Recorded {
  readonly messages: Buffer[];
  readonly trailers: readonly string[];
  readonly error: MeshError | undefined;
  readonly status: { readonly code: number; readonly message: string } | undefined;
}

/** Sends `messages` to the server as one call and waits for its end. */
export function callServer(
  server: ModelServer,
  path: string,
  messages: readonly Uint8Array[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Recorded> {
  return new Promise((resolve, reject) => {
    const sent: Buffer[] = [];
    const end = (rest: Partial<Recorded>): void =>
      resolve({ messages: sent, trailers: [], error: undefined, status: undefined, ...rest });
    const call: InferenceCall = {
      path,
      headers: { get: (name) => headers[name] },
      send: (chunks) => void sent.push(Buffer.concat(chunks)),
      finish: (trailers = []) => end({ trailers }),
      fail: (error) => end({ error }),
      failWithStatus: (code, message, trailers = []) => end({ status: { code, message }, trailers }),
    };
    let handler: CallHandler;
    try {
      handler = server.accept(call);
    } catch (error) {
      reject(error);
      return;
    }
    for (const message of messages) handler.onMessage([message], message.length);
    handler.onEnd();
  });
}

/** The kind of the {@link MeshError} that `act` must end in. */
export async function kindOf(act: () => unknown): Promise<MeshErrorKind> {
  try {
    await act();
  } catch (error) {
    assert.ok(error instanceof MeshError, `expected a MeshError, got ${String(error)}`);
    return error.kind;
  }
  assert.fail('it succeeded');
}

/** What every model server must do by the runtime contract (spec `modelmesh.md` §1.3); call it inside a `describe`. */
export function serverContract(make: () => Promise<ServerSubject>): void {
  const never = new AbortController().signal;

  it('loads a model, tells its size and unloads it', async () => {
    await using subject = await make();
    const { server, good } = subject;

    const loadedBytes = await server.load(good('m'), never);
    const sizeBytes = server.size('m');
    await server.unload('m');

    assert.ok(loadedBytes > 0);
    assert.equal(sizeBytes, loadedBytes);
    assert.equal(await kindOf(() => server.size('m')), 'model-not-found');
    assert.deepEqual(server.usage([]), []);
  });

  it('loads a loaded model again at once, but not from another place', async () => {
    await using subject = await make();
    const { server, good, other } = subject;
    await server.load(good('m'), never);

    assert.equal(await server.load(good('m'), never), server.size('m'));
    assert.equal(await kindOf(() => server.load(other('m'), never)), 'failed-precondition');
  });

  it('answers overlapping loads of one model together', async () => {
    await using subject = await make();
    const { server, good } = subject;

    const sizes = await Promise.all([
      server.load(good('m'), never),
      server.load(good('m'), never),
      server.load(good('m'), never),
    ]);

    assert.equal(new Set(sizes).size, 1);
    assert.equal(server.usage([]).length, 1);
  });

  it('unloads a model that it does not know', async () => {
    await using subject = await make();

    await subject.server.unload('stranger');
  });

  it('leaves nothing of a load that was cancelled', async () => {
    await using subject = await make();
    const { server, good } = subject;
    const abort = new AbortController();
    const loading = server.load(good('m'), abort.signal);

    abort.abort(new MeshError('cancelled', 'the caller left'));

    assert.equal(await kindOf(() => loading), 'cancelled');
    await server.unload('m');
    assert.deepEqual(server.usage([]), []);
    assert.ok((await server.load(good('m'), never)) > 0, 'and it can be loaded afterwards');
  });

  it('keeps a load for the others when one of them leaves', async () => {
    await using subject = await make();
    const { server, good } = subject;
    const abort = new AbortController();
    const leaving = kindOf(() => server.load(good('m'), abort.signal));
    const staying = server.load(good('m'), never);

    abort.abort(new MeshError('cancelled', 'the caller left'));

    assert.equal(await leaving, 'cancelled');
    assert.ok((await staying) > 0);
  });

  it('ends a load when its model is unloaded meanwhile', async () => {
    await using subject = await make();
    const { server, good } = subject;
    const loading = server.load(good('m'), never).then(
      () => 'loaded',
      () => 'ended',
    );

    await server.unload('m');

    assert.deepEqual(server.usage([]), []);
    await loading;
  });

  it('predicts a size without loading', async () => {
    await using subject = await make();
    const { server, good } = subject;

    assert.ok((await server.predict(good('m'), never)) > 0);
    assert.ok((await server.prepare(good('m'), never)).predictedBytes > 0);
    assert.deepEqual(server.usage([]), []);
  });

  it('tells the use of the models that are asked for, and leaves unknown ones out', async () => {
    await using subject = await make();
    const { server, good } = subject;
    await server.load(good('a'), never);
    await server.load(good('b'), never);

    assert.deepEqual(
      server.usage(['b', 'x']).map(({ modelId }) => modelId),
      ['b'],
    );
    assert.deepEqual(
      server
        .usage([])
        .map(({ modelId }) => modelId)
        .sort(),
      ['a', 'b'],
    );
    for (const { measuredBytes, peakBytes } of server.usage([])) assert.ok(peakBytes >= measuredBytes);
  });

  it('is empty before the first load and after the last unload, and rests without losing a model', async () => {
    await using subject = await make();
    const { server, good } = subject;
    assert.equal(server.isEmpty(), true);
    await server.load(good('x'), never);
    assert.equal(server.isEmpty(), false);
    await server.unload('x');
    assert.equal(server.isEmpty(), true);
    await server.load(good('m'), never);

    server.rest();

    assert.ok(server.size('m') > 0);
    await server.load(good('n'), never);
    assert.deepEqual(
      server.usage([]).map(({ modelId }) => modelId),
      ['m', 'n'],
    );
  });

  it('purges everything, also what is loading', async () => {
    await using subject = await make();
    const { server, good } = subject;
    await server.load(good('a'), never);
    const loading = server.load(good('b'), never).catch(() => undefined);

    await server.purge();

    assert.deepEqual(server.usage([]), []);
    await loading;
  });

  it('gives files back only when the model is not loaded', async () => {
    await using subject = await make();
    const { server, good } = subject;
    await server.load(good('m'), never);

    assert.equal(await kindOf(() => server.releaseFiles('m')), 'failed-precondition');
    await server.unload('m');
    await server.releaseFiles('m');
    await server.releaseFiles('stranger');
  });

  it('tells why a load failed and leaves nothing of it', async () => {
    await using subject = await make();
    const { server, bad } = subject;

    assert.equal(await kindOf(() => server.load(bad.request('m'), never)), bad.kind);
    assert.deepEqual(server.usage([]), []);
  });
}
