import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { durationMs, MeshError } from '@modelmesh/core';
import { Scope } from '@modelmesh/core/scope';
import { GrpcClient, GrpcStatusError, protobufMethod, rawMethod } from '@modelmesh/grpc/call';
import { Listener } from '@modelmesh/grpc/listen';
import type { ClientConnection } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { ModelMesh, ModelStatusInfo_ModelStatus as Status } from '@modelmesh/wire/mmesh';
import { type Config, configProblemText, type ListenerRole, parseConfig, parseFlags } from '../config/index.ts';
import { freePorts } from '../kv/testing/index.ts';
import type { Log } from '../log/index.ts';
import { noMetrics } from '../metrics/index.ts';
import { EchoRuntime } from '../testing/index.ts';
import { type ComposedNode, composeNode } from './index.ts';

const MIB = 1024 * 1024;
const INTERNAL = 13;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

function configOf(env: Readonly<Record<string, string>>): Config {
  const flags = parseFlags(['--registry-kind', 'memory']).flags;
  const parsed = parseConfig({ yaml: undefined, env, flags, machine: { hostName: 'm', tempFolder: '/tmp' }, checks: [] });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(configProblemText).join('\n'));
  return parsed.config;
}

const silent = (): void => {};
const LOG: Log = { debug: silent, info: silent, warn: silent, error: silent, enabled: () => false, with: () => LOG };

/** A node beside an echoing runtime, made from variables as `main.ts` makes one. */
class Composed implements AsyncDisposable {
  readonly runtime: EchoRuntime;
  readonly node: ComposedNode;
  readonly #folder: string;
  readonly #listeners: Listener[] = [];
  readonly #connections: ClientConnection[] = [];
  readonly #timers: TimerWheel;

  private constructor(runtime: EchoRuntime, node: ComposedNode, folder: string) {
    this.runtime = runtime;
    this.node = node;
    this.#folder = folder;
    this.#timers = new TimerWheel(node.clock);
  }

  static async from(env: Readonly<Record<string, string>>): Promise<Composed> {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-composed-'));
    const path = join(folder, 'runtime.sock');
    const runtime = new EchoRuntime({ path });
    await runtime.listen();
    const scope = new Scope('composed', ({ error }) => {
      throw error;
    });
    const around = {
      log: LOG,
      writeLog: silent,
      version: '0',
      scope,
      runtimeCommand: [],
      environment: {},
      metrics: noMetrics,
      onParameters: () => {},
    };
    const node = await composeNode(configOf({ ...env, INTERNAL_GRPC_SOCKET_PATH: path }), around);
    return new Composed(runtime, node, folder);
  }

  /** A client of a port with these roles. */
  async client(roles: readonly ListenerRole[]): Promise<GrpcClient> {
    const { node } = this;
    const { accept } = node.doors(new Set(roles));
    const listener = new Listener({ engine: node.engine, limits: node.streamLimits, accept });
    this.#listeners.push(listener);
    await listener.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    const connection = node.engine.connect({ kind: 'tcp', host: '127.0.0.1', port: listener.port }, node.streamLimits);
    this.#connections.push(connection);
    return new GrpcClient(connection, { clock: node.clock, timers: this.#timers, authority: 'mesh', messageBytesMax: MIB });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    for (const listener of this.#listeners) await listener.close(this.node.clock, durationMs(0));
    await this.node.close();
    await this.runtime.kill();
    rmSync(this.#folder, { recursive: true });
  }
}

const statusOf = (promise: Promise<unknown>): Promise<readonly [number, string]> =>
  promise.then(
    () => [0, ''],
    (error: unknown) => {
      assert.ok(error instanceof GrpcStatusError, String(error));
      return [error.code, error.message];
    },
  );

const register = (client: GrpcClient, path: string) =>
  client.call(
    { ...protobufMethod(ModelMesh.method.registerModel), path },
    { modelId: 'm', modelInfo: { type: 't', path: 'p' }, loadNow: true, sync: true },
  );

describe('a node as its configuration composes it', () => {
  for (const [what, env, code] of [
    ['UNAVAILABLE', {}, UNAVAILABLE],
    ['INTERNAL under MM_COMPAT=modelmesh', { MM_COMPAT: 'modelmesh', MM_SERVICE_NAME: 'mm' }, INTERNAL],
  ] as const) {
    it(`ends a call whose attempts came to nothing as ${what}`, async () => {
      await using composed = await Composed.from(env);
      const client = await composed.client(['inference', 'management']);
      assert.equal((await register(client, '/mmesh.ModelMesh/registerModel')).status, Status.LOADED);
      const headers = ['mm-model-id', 'm', 'null-fail', 'UNAVAILABLE no room'];
      const [got, message] = await statusOf(client.call(rawMethod('/any.Service/Call'), [Buffer.from('x')], { headers }));
      assert.equal(got, code);
      assert.match(message, /no room \(1 attempt, .*not repeated/);
    });
  }

  it('serves the older names of management where it serves management, and refuses them elsewhere', async () => {
    await using composed = await Composed.from({});
    const older = '/com.ibm.watson.tas.proto.TasRuntime/addModel';
    const managing = await composed.client(['inference', 'management']);
    assert.equal((await register(managing, older)).status, Status.LOADED);
    const inferring = await composed.client(['inference']);
    const refused = await statusOf(register(inferring, older));
    assert.deepEqual(refused, [
      UNIMPLEMENTED,
      'com.ibm.watson.tas.proto.TasRuntime/addModel is not served here: it is management, which this port does not serve',
    ]);
    assert.deepEqual(composed.runtime.seen, []);
  });

  it('lets go of the port between nodes where control does not start, so that the next life can have it', async () => {
    const [port = 0] = await freePorts(1);
    const peer = { host: '127.0.0.1', port, address: '127.0.0.1', tls: null };
    const scope = new Scope('composed', ({ error }) => {
      throw error;
    });
    let wasOpen = false;
    const started = composeNode(
      { ...configOf({}), peer },
      {
        log: LOG,
        writeLog: silent,
        version: '0',
        scope,
        runtimeCommand: [],
        environment: {},
        metrics: noMetrics,
        onParameters: () => {
          wasOpen = true;
          throw new MeshError('failed-precondition', 'control does not start');
        },
      },
    );
    await assert.rejects(started, /control does not start/);
    assert.ok(wasOpen);
    const next = createServer();
    next.listen(port, '127.0.0.1');
    await once(next, 'listening');
    next.close();
    await once(next, 'close');
  });
});
