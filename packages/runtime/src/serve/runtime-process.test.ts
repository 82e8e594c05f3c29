import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Clock, durationMs, MeshError } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { GrpcClient, GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import { createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { Health, HealthCheckResponse_ServingStatus, reflectionV1 } from '@modelmesh/wire/grpc-services';
import { ModelRuntime, ModelRuntimeX, RuntimeStatusResponse_Status } from '@modelmesh/wire/mmesh';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { systemClock } from '../clock/index.ts';
import { REST_GROWN_BYTES, REST_QUIET_MS } from '../memory/index.ts';
import { type ModelServer, NullServer, StreamTextServer } from '../servers/index.ts';
import { freeSocketPath, RuntimeProcess } from './index.ts';

const MESSAGE_BYTES_MAX = 1 << 20;
const request = (modelId: string, modelPath = 'p') => ({ modelId, modelType: 't', modelPath, modelKey: '' });

/** A runtime on a free port with a client whose buffers are poisoned after use. */
async function serve(server: ModelServer = new NullServer(systemClock), clock: Clock = systemClock) {
  const faults: unknown[] = [];
  const heap = { bytes: 0, collections: 0 };
  const runtime = new RuntimeProcess({
    clock,
    server,
    listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    messageBytesMax: MESSAGE_BYTES_MAX,
    streamsMax: 100,
    garbage: { heldBytes: () => heap.bytes, collect: () => void heap.collections++ },
    poison: true,
    onFault: (error) => faults.push(error),
  });
  await runtime.start();
  const engine = createFrameEngine({ clock: systemClock, poison: true });
  const connection = engine.connect({ kind: 'tcp', host: '127.0.0.1', port: runtime.port }, DEFAULT_STREAM_LIMITS);
  const options = { clock: systemClock, timers: new TimerWheel(systemClock), authority: 'runtime', messageBytesMax: 8 << 20 };
  const client = new GrpcClient(connection, options);
  return {
    runtime,
    client,
    gzipClient: new GrpcClient(connection, { ...options, requestEncoding: 'gzip' }),
    faults,
    heap,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await runtime.stop(durationMs(0));
    },
  };
}

const echo = rawMethod('/any.Service/Echo');
const echoStream = rawMethod('/any.Service/EchoStream');

async function statusOf(call: Promise<unknown>): Promise<{ code: number; message: string; trailer: string | undefined }> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof GrpcStatusError, String(error));
  return { code: error.code, message: error.message, trailer: error.trailers.get('null-trailer') };
}

describe('a runtime process', () => {
  it('reports READY with its limits after it has purged every model', async () => {
    await using at = await serve();
    await at.client.unary(ModelRuntime.method.loadModel, request('m'));

    const status = await at.client.unary(ModelRuntime.method.runtimeStatus, {});
    const usage = await at.client.unary(ModelRuntimeX.method.modelUsage, {});

    assert.equal(status.status, RuntimeStatusResponse_Status.READY);
    assert.deepEqual(
      [status.capacityInBytes, status.maxLoadingConcurrency, status.defaultModelSizeInBytes, status.allowAnyMethod],
      [8n << 30n, 8, 1n << 20n, true],
    );
    assert.deepEqual(status.methodInfos['inject.Service/Call']?.idInjectionPath, [4, 1]);
    assert.deepEqual(usage.models, []);
  });

  it('serves load, size, prediction, usage and unload', async () => {
    await using at = await serve();
    const { client } = at;

    const loaded = await client.unary(ModelRuntime.method.loadModel, request('m', 'size 4096'));
    const size = await client.unary(ModelRuntime.method.modelSize, { modelId: 'm' });
    const predicted = await client.unary(ModelRuntime.method.predictModelSize, request('x', 'size 8192'));
    const prepared = await client.unary(ModelRuntimeX.method.prepareModel, request('x', 'size 8192'));
    const usage = await client.unary(ModelRuntimeX.method.modelUsage, { modelIds: ['m', 'stranger'] });

    assert.deepEqual(
      [loaded.sizeInBytes, size.sizeInBytes, predicted.sizeInBytes, prepared.predictedBytes],
      [4096n, 4096n, 8192n, 8192n],
    );
    assert.deepEqual(
      usage.models.map(({ modelId, measuredBytes }) => [modelId, measuredBytes]),
      [['m', 4096n]],
    );
    assert.equal(usage.runtime?.capacityBytes, 8n << 30n);
    assert.equal(
      (await statusOf(client.unary(ModelRuntimeX.method.releaseFiles, { modelId: 'm' }))).code,
      GRPC_CODE.FAILED_PRECONDITION,
    );
    await client.unary(ModelRuntime.method.unloadModel, { modelId: 'm' });
    await client.unary(ModelRuntime.method.unloadModel, { modelId: 'stranger' });
    await client.unary(ModelRuntimeX.method.releaseFiles, { modelId: 'm' });
    assert.equal((await statusOf(client.unary(ModelRuntime.method.modelSize, { modelId: 'm' }))).code, GRPC_CODE.NOT_FOUND);
  });

  it('passes the code and message of a failed load, and refuses an empty id', async () => {
    await using at = await serve();
    const { code, message } = await statusOf(
      at.client.unary(ModelRuntime.method.loadModel, request('m', 'fail RESOURCE_EXHAUSTED no memory')),
    );

    assert.deepEqual([code, message], [GRPC_CODE.RESOURCE_EXHAUSTED, 'no memory']);
    assert.equal((await statusOf(at.client.unary(ModelRuntime.method.loadModel, request('')))).code, GRPC_CODE.INVALID_ARGUMENT);
  });

  it('stops a load whose caller leaves, and leaves nothing of it', async () => {
    await using at = await serve();
    const abort = new AbortController();
    const loading = at.client.unary(ModelRuntime.method.loadModel, request('m', 'slow 60000'), { signal: abort.signal });
    await at.client.unary(ModelRuntime.method.predictModelSize, request('m'));

    abort.abort(new MeshError('cancelled', 'left'));
    await assert.rejects(loading);
    await at.client.unary(ModelRuntime.method.unloadModel, { modelId: 'm' });

    assert.deepEqual((await at.client.unary(ModelRuntimeX.method.modelUsage, {})).models, []);
  });

  it('echoes any method byte for byte, small, empty and of several frames, compressed or not', async () => {
    await using at = await serve();
    const messages = [Buffer.from('small'), Buffer.alloc(0), Buffer.alloc(500_000, 'abcdefg')];

    for (const client of [at.client, at.gzipClient]) {
      for (const message of messages) assert.deepEqual(Buffer.from(await client.call(echo, [Uint8Array.from(message)])), message);
    }
  });

  it('collects garbage, its server too, when nothing is loaded and nothing has gone on for a while, and not beside an open call', async () => {
    const clock = new FakeClock();
    const server = new NullServer(systemClock);
    let serverRests = 0;
    server.rest = () => void serverRests++;
    await using at = await serve(server, clock);
    const grow = (): void => {
      at.heap.bytes += REST_GROWN_BYTES;
    };
    const rests = (): readonly number[] => {
      clock.advance(durationMs(REST_QUIET_MS));
      return [at.heap.collections, serverRests];
    };

    await at.client.unary(ModelRuntime.method.loadModel, request('m'));
    grow();
    assert.deepEqual(rests(), [0, 0], 'while a model is loaded');

    const more = Promise.withResolvers<void>();
    const answers = at.client.exchange(
      echoStream,
      (async function* () {
        yield [Uint8Array.of(1)];
        await more.promise;
      })(),
    );
    const reader = answers[Symbol.asyncIterator]();
    await reader.next();
    await at.client.unary(ModelRuntime.method.unloadModel, { modelId: 'm' });
    assert.deepEqual(rests(), [0, 0], 'beside a call');
    more.resolve();
    assert.equal((await reader.next()).done, true);
    assert.deepEqual(rests(), [1, 1], 'after it');
  });

  it('echoes a stream in order', async () => {
    await using at = await serve();
    const messages = Array.from({ length: 50 }, (_, i) => Buffer.alloc(i * 1000, i));

    const answers: Buffer[] = [];
    for await (const answer of at.client.exchange(echoStream, each(messages.map((message) => [Uint8Array.from(message)]))))
      answers.push(Buffer.from(answer));

    assert.deepEqual(answers, messages);
  });

  it('brings status, message and trailers of the model back', async () => {
    await using at = await serve();
    const headers = ['null-fail', 'ABORTED runtime says so: ü', 'null-trailer', 'x'].map((text) => text.replace('ü', 'u'));
    let trailer: string | undefined;

    assert.deepEqual(await statusOf(at.client.call(echo, [Buffer.of()], { headers })), {
      code: GRPC_CODE.ABORTED,
      message: 'runtime says so: u',
      trailer: 'x',
    });
    await at.client.call(echo, [Buffer.of(1)], {
      headers: ['null-trailer', 'y'],
      onTrailers: (trailers) => {
        trailer = trailers.get('null-trailer');
      },
    });
    assert.equal(trailer, 'y');
  });

  it('refuses a message over its limit, a bad encoding and a bad code word, each with a sentence', async () => {
    await using at = await serve();

    const large = await statusOf(at.client.call(echo, [Buffer.alloc(MESSAGE_BYTES_MAX + 1)]));
    const bomb = await statusOf(at.gzipClient.call(echo, [Buffer.alloc(MESSAGE_BYTES_MAX + 1)]));
    const word = await statusOf(at.client.call(echo, [Buffer.of()], { headers: ['null-fail', 'NONSENSE x'] }));

    assert.equal(gzipSync(Buffer.alloc(MESSAGE_BYTES_MAX + 1)).length < MESSAGE_BYTES_MAX, true, 'small on the wire');
    assert.deepEqual(
      [large.code, bomb.code, word.code],
      [GRPC_CODE.RESOURCE_EXHAUSTED, GRPC_CODE.RESOURCE_EXHAUSTED, GRPC_CODE.INVALID_ARGUMENT],
    );
    assert.match(large.message, /1048576/);
    assert.match(word.message, /NONSENSE/);
    assert.deepEqual(at.faults, []);
  });

  it('ends an inference at its deadline and tells its handler', async () => {
    let cancelled = 0;
    const server = new NullServer(systemClock);
    server.accept = () => ({ onMessage: () => undefined, onEnd: () => undefined, onCancel: () => cancelled++ });
    await using at = await serve(server);

    const { code } = await statusOf(at.client.call(rawMethod('/any.Service/Never'), [], { headers: ['grpc-timeout', '20m'] }));

    assert.equal(code, GRPC_CODE.DEADLINE_EXCEEDED);
    assert.equal(cancelled, 1);
  });

  it('describes exactly the services that it serves', async () => {
    await using at = await serve(new StreamTextServer(systemClock));
    const answers = at.client.bidi(
      reflectionV1.ServerReflection.method.serverReflectionInfo,
      each([{ messageRequest: { case: 'listServices' as const, value: '' } }]),
    );
    const names: string[] = [];
    for await (const { messageResponse } of answers) {
      if (messageResponse.case === 'listServicesResponse') names.push(...messageResponse.value.service.map(({ name }) => name));
    }

    assert.deepEqual(names.sort(), [
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'inference.GRPCInferenceService',
      'mmesh.ModelRuntime',
      'mmesh.ModelRuntimeX',
    ]);
  });

  it('says STARTING until its server is up, FAILING if it never will be, and takes no inference meanwhile', async () => {
    const starting = Promise.withResolvers<void>();
    const server = new NullServer(systemClock);
    server.start = () => starting.promise;
    const runtime = new RuntimeProcess({
      clock: systemClock,
      server,
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      messageBytesMax: MESSAGE_BYTES_MAX,
      streamsMax: 100,
      garbage: { heldBytes: () => 0, collect: () => undefined },
      onFault: () => undefined,
    });
    const started = runtime.start();
    await runtime.listening;
    const connection = createFrameEngine({ clock: systemClock }).connect(
      { kind: 'tcp', host: '127.0.0.1', port: runtime.port },
      DEFAULT_STREAM_LIMITS,
    );
    const client = new GrpcClient(connection, {
      clock: systemClock,
      timers: new TimerWheel(systemClock),
      authority: 'runtime',
      messageBytesMax: 1 << 20,
    });
    const status = async () => (await client.unary(ModelRuntime.method.runtimeStatus, {})).status;
    const health = async () => (await client.unary(Health.method.check, {})).status;

    assert.equal(await status(), RuntimeStatusResponse_Status.STARTING);
    assert.equal(await health(), HealthCheckResponse_ServingStatus.NOT_SERVING);
    assert.equal((await statusOf(client.call(echo, [Buffer.of()]))).code, GRPC_CODE.UNAVAILABLE);
    starting.reject(new MeshError('failed-precondition', 'no binary for this machine'));
    await started;
    const failing = await client.unary(ModelRuntime.method.runtimeStatus, {});

    assert.deepEqual(
      [failing.status, failing.runtimeVersion],
      [RuntimeStatusResponse_Status.FAILING, 'no binary for this machine'],
    );
    connection.close();
    await runtime.stop(durationMs(0));
  });
});

describe('the path of a unix socket', () => {
  it('is freed of a dead socket only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mesh-sock-'));
    const path = join(folder, 's');
    await freeSocketPath(path);
    await writeFile(path, 'precious');
    await assert.rejects(freeSocketPath(path), { kind: 'failed-precondition', message: /not a socket/ });
    await rm(path);
    const listening = createServer();
    await new Promise<void>((resolve) => listening.listen(path, resolve));

    await assert.rejects(freeSocketPath(path), { kind: 'failed-precondition', message: /another process listens/ });

    await new Promise((resolve) => listening.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('must be short enough for the system', async () => {
    await assert.rejects(freeSocketPath(`/tmp/${'long'.repeat(40)}`), {
      kind: 'invalid-argument',
      message: /has 165 bytes; the limit is/,
    });
  });
});

async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}
