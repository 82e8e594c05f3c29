import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GrpcClient, rawMethod } from '@modelmesh/grpc/call';
import { createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '@modelmesh/wire/inference';
import { ModelRuntime, ModelRuntimeX, RuntimeStatusResponse_Status } from '@modelmesh/wire/mmesh';
import { systemClock } from './clock/index.ts';
import { runtimeEntry, runtimeEnvironment } from './index.ts';
import { generateModel } from './testing/index.ts';

const MiB = 1 << 20;
const infer = rawMethod('/inference.GRPCInferenceService/ModelInfer');

interface Child {
  readonly process: ChildProcess;
  /** Events told on the standard output so far. */
  readonly events: { event: string; [field: string]: unknown }[];
  readonly stderr: () => string;
  /** Resolves when `event` was told; rejects when the process ends first. */
  until(event: string): Promise<void>;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string | null>;
}

function start(environment: Record<string, string>, stdio: ('pipe' | 'ipc')[] = ['pipe', 'pipe', 'pipe']): Child {
  const child = spawn(process.execPath, ['--conditions=mesh-source', runtimeEntry()], {
    env: { PATH: process.env.PATH, ...runtimeEnvironment(), MESH_RUNTIME_WORKERS: '2', ...environment },
    stdio,
  });
  children.push(child);
  const events: Child['events'] = [];
  const waiting: { event: string; resolve: () => void }[] = [];
  let stderr = '';
  let rest = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  child.stdout?.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) events.push(JSON.parse(line));
    for (const { event, resolve } of waiting) if (events.some((one) => one.event === event)) resolve();
  });
  // A disconnected channel keeps "close" from coming; without one it comes when all output was read.
  const end = stdio.includes('ipc') ? 'exit' : 'close';
  const ended = new Promise<number | string | null>((resolve) => child.on(end, (code, signal) => resolve(code ?? signal)));
  const until = (event: string): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ event, resolve });
      if (events.some((one) => one.event === event)) resolve();
      void ended.then((how) => reject(new Error(`ended with ${how} before "${event}": ${stderr}`)));
    });
  return { process: child, events, stderr: () => stderr, until, ended };
}

function connect(path: string) {
  const connection = createFrameEngine({ clock: systemClock }).connect({ kind: 'unix', path }, DEFAULT_STREAM_LIMITS);
  const client = new GrpcClient(connection, {
    clock: systemClock,
    timers: new TimerWheel(systemClock),
    authority: 'runtime',
    messageBytesMax: 8 * MiB,
  });
  return { client, close: () => connection.close() };
}

const children: ChildProcess[] = [];

describe('the runtime process', () => {
  let folder = '';
  let sockets = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-rt-'));
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });
  const socketPath = (): string => join(folder, `s${sockets++}`);
  const cache = (): Record<string, string> => ({ MESH_RUNTIME_CACHE_FOLDER: join(folder, `cache${sockets++}`) });

  it('serves models, says what they take, and everything comes back when they go', { timeout: 60_000 }, async () => {
    const path = socketPath();
    const child = start({
      MESH_RUNTIME_SOCKET: path,
      MESH_RUNTIME_STORAGE_ROOT: folder,
      MESH_RUNTIME_CAPACITY_BYTES: String(512 * MiB),
      ...cache(),
    });
    await child.until('ready');
    const { client, close } = connect(path);
    const status = await client.unary(ModelRuntime.method.runtimeStatus, {});
    assert.deepEqual([status.status, status.capacityInBytes], [RuntimeStatusResponse_Status.READY, BigInt(512 * MiB)]);
    assert.deepEqual(status.methodInfos['inference.GRPCInferenceService/ModelInfer']?.idInjectionPath, []);
    const empty = (await client.unary(ModelRuntimeX.method.modelUsage, {})).runtime;
    assert.ok(empty);
    const row = [1, 2, 3, -1, 0, 0, 1, 2, -3, 2, 1, 0, -1, 1, 2, 3];

    const errors: number[] = [];
    for (const [seed, size] of [2, 48, 5, 30, 12].entries()) {
      const model = generateModel({ weightBytes: size * MiB, seed });
      await writeFile(join(folder, `m${size}.onnx`), Buffer.concat(model.chunks));
      const request = { modelId: `m${size}`, modelType: 'onnx', modelPath: `m${size}.onnx`, modelKey: '' };
      const predicted = Number((await client.unary(ModelRuntime.method.predictModelSize, request)).sizeInBytes);
      await client.unary(ModelRuntime.method.loadModel, request);
      const answer = await client.call(infer, [inferRequest(`m${size}`, row)]);
      const raw = Uint8Array.from(fromBinary(ModelInferResponseSchema, answer).rawOutputContents[0] ?? []);
      assert.deepEqual(Array.from(new Float32Array(raw.buffer)), model.answer(row));
      const usage = await client.unary(ModelRuntimeX.method.modelUsage, { modelIds: [`m${size}`] });
      const measured = Number(usage.models[0]?.measuredBytes);
      errors.push(Math.abs(predicted - measured) / measured);
    }

    const { runtime, models } = await client.unary(ModelRuntimeX.method.modelUsage, {});
    const ledger = Number(runtime?.baseBytes) + models.reduce((sum, { measuredBytes }) => sum + Number(measuredBytes), 0);
    const difference = Math.abs(Number(runtime?.privateBytes) - ledger) / Number(runtime?.privateBytes);
    assert.ok(difference <= 0.15, `ledger and private bytes differ by ${(100 * difference).toFixed(1)} %`);
    assert.ok(
      Math.max(...errors.slice(1)) <= 0.2,
      `predictions differ by ${errors.map((error) => `${(100 * error).toFixed(1)} %`).join(', ')}`,
    );

    for (const size of [2, 5, 12, 30, 48]) await client.unary(ModelRuntime.method.unloadModel, { modelId: `m${size}` });
    const after = await client.unary(ModelRuntimeX.method.modelUsage, {});
    const bound = Number(empty.privateBytes) * 1.1 + 32 * MiB;
    assert.ok(Number(after.runtime?.privateBytes) <= bound, `${after.runtime?.privateBytes} bytes are left, more than ${bound}`);
    close();
    child.process.kill('SIGTERM');
    assert.equal(await child.ended, 0);
    assert.equal(child.stderr(), '');
  });

  it('lets calls end after SIGTERM, then exits with 0', { timeout: 20_000 }, async () => {
    const path = socketPath();
    const child = start({ MESH_RUNTIME_SOCKET: path, MESH_RUNTIME_SERVER: 'null' });
    await child.until('ready');
    const { client, close } = connect(path);
    const request = { modelId: 'm', modelType: '', modelPath: 'slow 200', modelKey: '' };
    const loading = client.unary(ModelRuntime.method.loadModel, request);
    await client.unary(ModelRuntime.method.predictModelSize, request);

    child.process.kill('SIGTERM');

    assert.equal((await loading).sizeInBytes, BigInt(MiB));
    close();
    assert.equal(await child.ended, 0);
  });

  it('takes the place of a process that was killed, but not of one that lives', { timeout: 20_000 }, async () => {
    const path = socketPath();
    const first = start({ MESH_RUNTIME_SOCKET: path, MESH_RUNTIME_SERVER: 'null' });
    await first.until('ready');

    const rival = start({ MESH_RUNTIME_SOCKET: path, MESH_RUNTIME_SERVER: 'null' });
    assert.equal(await rival.ended, 1);
    assert.match(rival.stderr(), /another process listens on/);
    first.process.kill('SIGKILL');
    assert.equal(await first.ended, 'SIGKILL');
    const heir = start({ MESH_RUNTIME_SOCKET: path, MESH_RUNTIME_SERVER: 'null' });
    await heir.until('ready');

    heir.process.kill('SIGTERM');
    assert.equal(await heir.ended, 0);
  });

  it('ends when its standard input or its IPC channel does', { timeout: 20_000 }, async () => {
    const byInput = start({
      MESH_RUNTIME_SOCKET: socketPath(),
      MESH_RUNTIME_SERVER: 'null',
      MESH_RUNTIME_ENDS_WITH_STDIN: 'true',
    });
    const byChannel = start({ MESH_RUNTIME_SOCKET: socketPath(), MESH_RUNTIME_SERVER: 'null' }, ['pipe', 'pipe', 'pipe', 'ipc']);
    await Promise.all([byInput.until('ready'), byChannel.until('ready')]);

    byInput.process.stdin?.end();
    byChannel.process.disconnect();

    assert.deepEqual([await byInput.ended, await byChannel.ended], [0, 0]);
  });

  it('ignores the Ctrl-C that its parent gets too', { timeout: 20_000 }, async () => {
    const child = start({ MESH_RUNTIME_SOCKET: socketPath(), MESH_RUNTIME_SERVER: 'null', MESH_RUNTIME_ENDS_WITH_STDIN: 'true' });
    await child.until('ready');

    child.process.kill('SIGINT');
    child.process.kill('SIGTERM');

    assert.equal(await child.ended, 0);
    assert.deepEqual(
      child.events.filter(({ event }) => event === 'stopping').map(({ why }) => why),
      ['SIGTERM'],
    );
  });

  it('says in one sentence why it cannot start', { timeout: 20_000 }, async () => {
    const failing: [number, Record<string, string>, RegExp][] = [
      [
        2,
        { MESH_RUNTIME_SOCKET: `${folder}/${'long'.repeat(30)}`, MESH_RUNTIME_SERVER: 'null' },
        /the socket path .* bytes; the limit is/,
      ],
      [2, { MESH_RUNTIME_SOCKET: socketPath(), MALLOC_ARENA_MAX: '4' }, /start it with MALLOC_ARENA_MAX=1 \(is 4\)/],
      [2, { MESH_RUNTIME_WORKERS: '0' }, /MESH_RUNTIME_WORKERS=0: expected.*\n.*MESH_RUNTIME_SOCKET=: expected/],
      [1, { MESH_RUNTIME_SOCKET: join(folder, 'no', 'such', 'folder'), MESH_RUNTIME_SERVER: 'null' }, /cannot listen on/],
    ];
    for (const [code, environment, expected] of failing) {
      const child = start({ ...environment, ...cache() });
      assert.equal(await child.ended, code);
      assert.match(child.stderr(), expected);
    }
  });
});

function inferRequest(modelName: string, row: readonly number[]): Uint8Array {
  return toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, {
      modelName,
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, BigInt(row.length)] }],
      rawInputContents: [new Uint8Array(Float32Array.from(row).buffer)],
    }),
  );
}
