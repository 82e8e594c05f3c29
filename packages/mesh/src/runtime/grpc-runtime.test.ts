import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { MeshError, modelKey } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { GrpcRouter, GrpcStatusError, refuseCall } from '@modelmesh/grpc/call';
import {
  type AcceptStream,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type ServerConnection,
  type StreamEngine,
} from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { LEGACY_RUNTIME_SERVICE, ModelRuntime, ModelRuntimeX, RuntimeStatusResponse_Status } from '@modelmesh/wire/mmesh';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { systemClock as clock } from '../node/index.ts';
import { GrpcRuntime, type GrpcRuntimeOptions, type RuntimeProcess, type RuntimeState } from './index.ts';
import { RUNTIME_PING_PERIOD_MS, RUNTIME_SILENT_PERIODS_MAX } from './runtime-link.ts';

const timers = new TimerWheel(clock);
const engine = createFrameEngine({ clock });
const { READY, STARTING, FAILING } = RuntimeStatusResponse_Status;
const INFO = { remoteAddress: '', encrypted: false, clientCertificate: undefined };
const MODEL = { key: modelKey('m'), type: 't', path: 'p', encKey: '' };

const FIGURES = {
  status: READY as RuntimeStatusResponse_Status,
  capacityInBytes: 1_073_741_824n,
  maxLoadingConcurrency: 2,
  modelLoadingTimeoutMs: 1000,
  defaultModelSizeInBytes: 1_048_576n,
  runtimeVersion: '1',
};

type Serves = 'contract' | 'older-name' | 'nothing';

/** A runtime that says of itself what the test wants, at one path. */
class SaidRuntime {
  readonly path: string;
  /** Answers to `runtimeStatus` in turn; the last one stays. */
  answers: Partial<typeof FIGURES>[] = [{}];
  /** Services that were called. */
  readonly services = new Set<string>();
  statusCalls = 0;
  predictCalls = 0;
  loadSignal: AbortSignal | undefined;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();

  constructor(path: string, serves: Serves) {
    this.path = path;
    const router = new GrpcRouter({ clock, timers, messageBytesMax: 1_048_576 });
    if (serves !== 'nothing') this.#serve(router);
    if (serves === 'older-name') {
      router.olderNames((called) => called.replace(`/${LEGACY_RUNTIME_SERVICE}/`, `/${ModelRuntime.typeName}/`));
    }
    const accept: AcceptStream = (stream, headers, end, connection) => {
      const called = headers.get(':path') ?? '';
      const service = called.slice(1, called.lastIndexOf('/'));
      this.services.add(service);
      if (serves === 'older-name' && service === ModelRuntime.typeName) {
        return refuseCall(stream, new MeshError('unsupported-method', called), end);
      }
      return router.accept(stream, headers, end, connection);
    };
    this.#server = createServer((socket) => {
      const connection = engine.serve(socket, INFO, DEFAULT_STREAM_LIMITS, accept);
      this.#connections.add(connection);
      connection.onClose = () => this.#connections.delete(connection);
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.path, resolve));
  }

  kill(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(router: GrpcRouter): void {
    router.service(ModelRuntime, {
      runtimeStatus: () => {
        this.statusCalls += 1;
        const said = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
        return { ...FIGURES, ...said };
      },
      loadModel: async ({ modelPath }, { signal }) => {
        this.loadSignal = signal;
        if (modelPath === 'slow') await new Promise((resolve) => signal.addEventListener('abort', resolve));
        if (modelPath === 'bad') throw new GrpcStatusError(GRPC_CODE.INVALID_ARGUMENT, 'corrupt');
        return { sizeInBytes: 5n };
      },
      unloadModel: () => {
        throw new GrpcStatusError(GRPC_CODE.NOT_FOUND, 'not here');
      },
      predictModelSize: () => {
        this.predictCalls += 1;
        throw new GrpcStatusError(GRPC_CODE.UNIMPLEMENTED, 'no');
      },
    });
  }
}

/** Follows the states of a runtime; `next(kind)` waits for one that was not asked for yet. */
class States {
  readonly seen: RuntimeState[] = [];
  #read = 0;
  #wake: () => void = () => {};

  constructor(runtime: GrpcRuntime) {
    runtime.onState = (state) => {
      this.seen.push(state);
      this.#wake();
    };
  }

  async next<Kind extends RuntimeState['kind']>(kind: Kind): Promise<Extract<RuntimeState, { kind: Kind }>> {
    for (;;) {
      const state = this.seen[this.#read];
      if (state === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else {
        this.#read += 1;
        if (state.kind === kind) return state as Extract<RuntimeState, { kind: Kind }>;
      }
    }
  }
}

/** An engine whose pings are watched, and swallowed on demand, as by a process that was stopped. */
class HeardPings {
  swallow = false;
  #heard: () => void = () => {};
  #answer = new Promise<void>((resolve) => (this.#heard = resolve));

  readonly engine: StreamEngine = {
    name: engine.name,
    serve: (...to) => engine.serve(...to),
    connect: (target, limits) => {
      const connection = engine.connect(target, limits);
      const ping = connection.ping.bind(connection);
      connection.ping = (answered) => {
        if (this.swallow) return;
        ping((roundTripMs) => {
          answered(roundTripMs);
          this.#heard();
        });
      };
      return connection;
    },
  };

  /** Resolves when the ping under way is answered. */
  async answer(): Promise<void> {
    await this.#answer;
    this.#answer = new Promise((resolve) => (this.#heard = resolve));
  }
}

const folder = mkdtempSync(join(tmpdir(), 'mesh-link-'));
after(() => rmSync(folder, { recursive: true }));

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function runtimeAt(
  paths: readonly string[],
  process: RuntimeProcess | null = null,
  seams: Partial<Pick<GrpcRuntimeOptions, 'engine' | 'clock'>> = {},
): { runtime: GrpcRuntime; states: States } {
  const targets = paths.map((path) => ({ kind: 'unix', path }) as const);
  const runtime = new GrpcRuntime({
    engine,
    limits: DEFAULT_STREAM_LIMITS,
    clock,
    timers,
    targets,
    inference: null,
    process,
    ...seams,
  });
  const states = new States(runtime);
  ends.push(() => runtime.close());
  runtime.start();
  return { runtime, states };
}

let paths = 0;
function said(serves: Serves = 'contract'): SaidRuntime {
  paths += 1;
  return new SaidRuntime(join(folder, `${paths}.sock`), serves);
}

async function listening(runtime: SaidRuntime): Promise<SaidRuntime> {
  await runtime.listen();
  ends.push(() => runtime.kill());
  return runtime;
}

describe('a runtime behind its contract', () => {
  it('may come late, and says READY when it likes; its status is asked no more after that', async () => {
    const server = said();
    server.answers = [{ status: STARTING }, { status: STARTING }, {}];
    const { runtime, states } = runtimeAt([server.path]);
    await listening(server);
    const { facts } = await states.next('ready');
    assert.deepEqual([facts.epoch, facts.loadingConcurrency, server.statusCalls], [1, 2, 3]);
    await runtime.load(MODEL, new AbortController().signal);
    assert.equal(server.statusCalls, 3);
  });

  it('is found at whichever of its addresses it answers', async () => {
    const server = await listening(said());
    const { states } = runtimeAt([join(folder, 'nobody.sock'), server.path]);
    const { facts } = await states.next('ready');
    assert.deepEqual(facts.inference, { kind: 'unix', path: server.path });
  });

  it('that says FAILING has failed, until another process answers', async () => {
    const server = await listening(said());
    server.answers = [{ status: FAILING }, {}];
    const { states } = runtimeAt([server.path]);
    assert.match((await states.next('failed')).message, /FAILING/);
    await server.kill();
    await server.listen();
    assert.equal((await states.next('ready')).facts.epoch, 1);
  });

  it('that reports figures nobody can work with has failed, and the message names figure and expectation', async () => {
    const wrong: readonly (readonly [Partial<typeof FIGURES>, RegExp])[] = [
      [{ maxLoadingConcurrency: 0 }, /maxLoadingConcurrency 0, expected at least 1/],
      [{ modelLoadingTimeoutMs: 99 }, /modelLoadingTimeoutMs 99, expected at least 100/],
      [{ defaultModelSizeInBytes: 1n }, /defaultModelSizeInBytes 1, expected at least 8192/],
      [{ capacityInBytes: 2_000_000n }, /capacityInBytes 2000000, expected at least 10485760/],
    ];
    for (const [figures, expected] of wrong) {
      const server = await listening(said());
      server.answers = [figures, {}];
      const { states } = runtimeAt([server.path]);
      assert.match((await states.next('failed')).message, expected);
      await server.kill();
      await server.listen();
      await states.next('ready');
    }
  });

  it('that is something else has failed', async () => {
    const server = await listening(said('nothing'));
    const { states } = runtimeAt([server.path]);
    assert.match((await states.next('failed')).message, /does not serve mmesh.ModelRuntime/);
  });

  it('is called by the older name of its service where it serves only that, until its next life serves the contract', async () => {
    const server = await listening(said('older-name'));
    server.answers = [{ status: STARTING }, {}];
    const { runtime, states } = runtimeAt([server.path]);
    await states.next('ready');
    assert.deepEqual([...server.services], [ModelRuntime.typeName, LEGACY_RUNTIME_SERVICE]);
    server.services.clear();
    const { bytes } = await runtime.load(MODEL, new AbortController().signal);
    await runtime.unload(MODEL.key);
    assert.deepEqual([bytes, await runtime.predictBytes(MODEL), await runtime.modelBytes(MODEL.key)], [5, null, null]);
    assert.deepEqual([...server.services, server.statusCalls, server.predictCalls], [LEGACY_RUNTIME_SERVICE, 2, 1]);
    assert.equal(await runtime.usage(), null);
    assert.ok(server.services.has(ModelRuntimeX.typeName), 'the second half of the contract has one name');

    await server.kill();
    await states.next('lost');
    await listening(new SaidRuntime(server.path, 'contract'));
    await states.next('ready');
    assert.equal((await runtime.load(MODEL, new AbortController().signal)).bytes, 5);
  });

  it('that restarts is lost, then a new epoch; what was under way is unavailable, what is asked meanwhile too', async () => {
    const server = await listening(said());
    const { runtime, states } = runtimeAt([server.path]);
    await states.next('ready');
    const load = runtime.load({ ...MODEL, path: 'slow' }, new AbortController().signal);
    const failed = assert.rejects(load, { kind: 'unavailable' });
    while (server.loadSignal === undefined) await new Promise((resolve) => setImmediate(resolve));
    await server.kill();
    await states.next('lost');
    await failed;
    await assert.rejects(runtime.load(MODEL, new AbortController().signal), { kind: 'unavailable' });
    assert.equal(await runtime.predictBytes(MODEL), null);
    await server.listen();
    assert.equal((await states.next('ready')).facts.epoch, 2);
    assert.equal(server.statusCalls, 2);
  });

  it('that is not ours to start is recycled by a new epoch, in which it purges its models', async () => {
    const server = await listening(said());
    const { runtime, states } = runtimeAt([server.path]);
    await states.next('ready');
    await runtime.recycle('too much was never given back');
    assert.match((await states.next('lost')).message, /too much was never given back/);
    assert.equal((await states.next('ready')).facts.epoch, 2);
    assert.equal(server.statusCalls, 2);
  });

  it('that answers pings stays; one that leaves them unanswered is lost, and is restarted when it is ours', async () => {
    const server = await listening(said());
    const pings = new HeardPings();
    const restarts: string[] = [];
    const restart = async (reason: string): Promise<void> => void restarts.push(reason);
    const process = { start: () => {}, restart, stop: async () => {}, onGivenUp: () => {} };
    const runtimeClock = new FakeClock();
    const { runtime, states } = runtimeAt([server.path], process, { engine: pings.engine, clock: runtimeClock });
    await states.next('ready');
    for (let period = 0; period < 2 * RUNTIME_SILENT_PERIODS_MAX; period += 1) {
      runtimeClock.advance(RUNTIME_PING_PERIOD_MS);
      await pings.answer();
    }
    assert.equal(runtime.state.kind, 'ready');
    pings.swallow = true;
    runtimeClock.advance(RUNTIME_SILENT_PERIODS_MAX * RUNTIME_PING_PERIOD_MS);
    assert.deepEqual([runtime.state.kind, restarts.length], ['ready', 0]);
    runtimeClock.advance(RUNTIME_PING_PERIOD_MS);
    assert.match((await states.next('lost')).message, /no ping for 30 s/);
    assert.equal(restarts.length, 1);
    runtimeClock.advance(1000);
    assert.equal((await states.next('ready')).facts.epoch, 2);
    await runtime.close();
    assert.equal(runtimeClock.pendingTimers, 0);
  });

  it('that will not be started again stays failed, though its connection breaks after that', async () => {
    const server = await listening(said());
    const process = { start: () => {}, restart: async () => {}, stop: async () => {}, onGivenUp: (_message: string) => {} };
    const { runtime, states } = runtimeAt([server.path], process);
    await states.next('ready');
    process.onGivenUp('the runtime ended (exit code 2)');
    await server.kill();
    assert.deepEqual(runtime.state, { kind: 'failed', message: 'the runtime ended (exit code 2)' });
    assert.deepEqual(
      states.seen.map(({ kind }) => kind),
      ['ready', 'failed'],
    );
  });

  it('says nothing more once it is closed', async () => {
    const server = await listening(said());
    const { runtime, states } = runtimeAt([server.path]);
    await states.next('ready');
    await runtime.close();
    await server.kill();
    assert.equal(states.seen.length, 1);
  });

  it('tells failed loads in the words of the spec, cancels loads, and takes NOT_FOUND for an unload that is done', async () => {
    const server = await listening(said());
    const { runtime, states } = runtimeAt([server.path]);
    await states.next('ready');
    const { signal } = new AbortController();
    await assert.rejects(runtime.load({ ...MODEL, path: 'bad' }, signal), {
      kind: 'load-failed',
      message: 'INVALID_ARGUMENT: corrupt',
    });
    const controller = new AbortController();
    const slow = runtime.load({ ...MODEL, path: 'slow' }, controller.signal);
    server.loadSignal = undefined;
    while (server.loadSignal === undefined) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await assert.rejects(slow, { kind: 'cancelled' });
    await runtime.unload(MODEL.key);
    assert.deepEqual(
      [await runtime.predictBytes(MODEL), await runtime.predictBytes(MODEL), server.predictCalls],
      [null, null, 1],
    );
    assert.equal(await runtime.usage(), null);
  });
});
