import { type Clock, type DurationMs, MeshError, monotonicMs, toMeshError } from '@modelmesh/core';
import { GrpcRouter, refuseCall } from '@modelmesh/grpc/call';
import { parseEncoding } from '@modelmesh/grpc/compression';
import { addHealth, HealthBoard } from '@modelmesh/grpc/health';
import { Listener, type ListenTarget } from '@modelmesh/grpc/listen';
import { addReflection } from '@modelmesh/grpc/reflection';
import { type AcceptStream, createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { descriptorSetBytes } from '@modelmesh/wire/grpc-services';
import { parseGrpcTimeout } from '@modelmesh/wire/headers';
import { QuietRest } from '../memory/index.ts';
import type { ModelServer } from '../servers/index.ts';
import { addContractServices, type ServerState } from './contract-services.ts';
import { InferenceStream } from './inference-stream.ts';
import { freeSocketPath } from './socket-path.ts';

/** What a runtime serves, where, and its bounds. */
export interface RuntimeProcessOptions {
  readonly clock: Clock;
  readonly server: ModelServer;
  readonly listen: ListenTarget;
  /** The largest inference message, before and after decompression. */
  readonly messageBytesMax: number;
  /** Calls that may be open at once on one connection. */
  readonly streamsMax: number;
  /** Private bytes of the process, and how to give back what of them is garbage. */
  readonly garbage: { readonly heldBytes: () => number; readonly collect: () => void };
  /** Overwrites buffers whose ownership ended; for tests. */
  readonly poison?: boolean;
  /** Hears of faults of ours. */
  readonly onFault: (error: unknown, what: string) => void;
}

/** Serves the runtime contract and inference on one socket. */
export class RuntimeProcess {
  readonly #options: RuntimeProcessOptions;
  readonly #listener: Listener;
  readonly #timers: TimerWheel;
  readonly #quiet: QuietRest;
  readonly #health = new HealthBoard();
  readonly #listening = Promise.withResolvers<void>();
  #state: ServerState = { kind: 'starting' };

  constructor(options: RuntimeProcessOptions) {
    this.#options = options;
    this.#listening.promise.catch(() => undefined);
    const { clock, messageBytesMax, streamsMax, poison = false, onFault } = options;
    this.#timers = new TimerWheel(clock);
    const { heldBytes, collect } = options.garbage;
    const rest = (): void => {
      options.server.rest();
      collect();
    };
    this.#quiet = new QuietRest(clock, { heldBytes, rest, isEmpty: () => options.server.isEmpty() });
    const router = new GrpcRouter({ clock, timers: this.#timers, messageBytesMax, fallback: this.#acceptInference, onFault });
    addContractServices(router, options.server, () => this.#state, this.#quiet);
    addHealth(router, this.#health);
    addReflection(router, { descriptorSet: descriptorSetBytes(), services: () => servicesOf(router, options.server) });
    this.#listener = new Listener({
      engine: createFrameEngine({ clock, poison }),
      limits: { ...DEFAULT_STREAM_LIMITS, streamsPerConnectionMax: streamsMax },
      accept: router.accept,
    });
  }

  /** The TCP port, or 0 on a unix socket. */
  get port(): number {
    return this.#listener.port;
  }

  /** Resolves when connections are accepted. @throws {MeshError} if the address cannot be taken. */
  get listening(): Promise<void> {
    return this.#listening.promise;
  }

  /** Whether models can be loaded. */
  get state(): ServerState {
    return this.#state;
  }

  /**
   * Listens at once and becomes ready when its server is; the mesh sees STARTING meanwhile, and FAILING if it never will.
   *
   * @throws {MeshError} if the address cannot be taken.
   */
  async start(): Promise<void> {
    const { listen, server, onFault } = this.#options;
    this.#health.set('', 'not-serving');
    try {
      if (listen.kind === 'unix') await freeSocketPath(listen.path);
      await this.#listener.listen(listen);
      this.#listening.resolve();
    } catch (error) {
      this.#listening.reject(error);
      throw error;
    }
    try {
      await server.start();
      this.#quiet.ready();
      this.#state = { kind: 'ready' };
      this.#health.set('', 'serving');
    } catch (error) {
      this.#state = { kind: 'failing', error: toMeshError(error) };
      onFault(error, 'start of the model server');
    }
  }

  /** Takes no new connection, lets calls end for `graceMs`, then unloads everything. */
  async stop(graceMs: DurationMs): Promise<void> {
    this.#health.set('', 'not-serving');
    await this.#listener.close(this.#options.clock, graceMs);
    this.#quiet.close();
    await this.#options.server.close();
  }

  /** Every method that is not of the contract is inference. */
  readonly #acceptInference: AcceptStream = (stream, headers, end) => {
    const { server, clock, messageBytesMax, onFault } = this.#options;
    try {
      if (this.#state.kind !== 'ready') throw new MeshError('unavailable', `the runtime is ${this.#state.kind}`);
      const timeout = headers.get('grpc-timeout');
      const call = new InferenceStream(stream, headers, {
        encoding: parseEncoding(headers.get('grpc-encoding')),
        messageBytesMax,
        deadline: timeout === undefined ? undefined : monotonicMs(clock.monotonicMs() + parseGrpcTimeout(timeout)),
        timers: this.#timers,
        quiet: this.#quiet,
        onFault,
      });
      call.begin(server.accept(call), end);
      return call;
    } catch (error) {
      return refuseCall(stream, toMeshError(error), end);
    }
  };
}

/** Services of the contract and those that the server names; what else a server of any method takes has no description. */
function servicesOf(router: GrpcRouter, server: ModelServer): readonly string[] {
  const methods = [...router.paths().map((path) => path.slice(1)), ...Object.keys(server.facts.methods)];
  return [...new Set(methods.map((method) => method.slice(0, method.lastIndexOf('/'))))].sort();
}
