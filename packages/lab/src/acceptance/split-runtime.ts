import { assertNever, durationMs, MeshError } from '@modelmesh/core';
import { type CallContext, GrpcRouter, GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import { Listener } from '@modelmesh/grpc/listen';
import { createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { ModelRuntime, RuntimeStatusResponse_Status } from '@modelmesh/wire/mmesh';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { realClock } from '../node-process/index.ts';

const MIB = 1024 * 1024;
const MESSAGE_BYTES_MAX = 16 * MIB;
/** What its server has, whatever the runtime says of it. */
export const METHODS = ['any.Service/Call', 'any.Service/Other'] as const;
const LOOPBACK = '127.0.0.1';

/** How an inference fails that the runtime does not know the model of: as the contract says, or as Triton and MLServer do. */
export type LostWords = 'contract' | 'triton' | 'mlserver';

/** What the runtime says of the methods that it has. */
export interface SplitMethods {
  /** Where the id of the model goes, by `package.Service/Method`; an empty path: nowhere. */
  readonly methodInfos: Readonly<Record<string, { readonly idInjectionPath: number[] }>>;
  readonly allowAnyMethod: boolean;
}

/**
 * A runtime whose management and inference have ports of their own, as where a model server stands beside its adapter: the adapter keeps
 * its own list of what is loaded and does nothing for a model that it takes for loaded, while the server may have lost it. Every method of
 * {@link METHODS} answers with its request.
 */
export class SplitRuntime implements AsyncDisposable {
  /** What the server does not know is answered in these words. */
  lostWords: LostWords = 'contract';
  /** Whether unloading a model that the server does not have is NOT_FOUND instead of a success. */
  unloadSaysNotFound = false;
  /** What management was asked, in its order: `load m`, `unload m`. */
  readonly asked: string[] = [];
  readonly #adapter = new Set<string>();
  readonly #server = new Set<string>();
  readonly #methods: SplitMethods;
  readonly #management: Listener;
  readonly #inference: Listener;

  private constructor(methods: SplitMethods) {
    this.#methods = methods;
    this.#management = listener(this.#managementRouter());
    this.#inference = listener(this.#inferenceRouter());
  }

  /** Listens on two free ports of the loopback. */
  static async listen(methods: SplitMethods = { methodInfos: {}, allowAnyMethod: true }): Promise<SplitRuntime> {
    const runtime = new SplitRuntime(methods);
    for (const each of [runtime.#management, runtime.#inference]) await each.listen({ kind: 'tcp', host: LOOPBACK, port: 0 });
    return runtime;
  }

  /** The flags of a node that uses it. */
  get flags(): Readonly<Record<string, string>> {
    return {
      'runtime-kind': 'external',
      'runtime-management': `${LOOPBACK}:${this.#management.port}`,
      'runtime-inference': `${LOOPBACK}:${this.#inference.port}`,
    };
  }

  /** The server forgets a model, of which its adapter hears nothing. */
  lose(modelId: string): void {
    this.#server.delete(modelId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#management, this.#inference].map((each) => each.close(realClock, durationMs(0))));
  }

  #managementRouter(): GrpcRouter {
    return router().service(ModelRuntime, {
      runtimeStatus: () => ({
        status: RuntimeStatusResponse_Status.READY,
        capacityInBytes: BigInt(64 * MIB),
        maxLoadingConcurrency: 2,
        modelLoadingTimeoutMs: 60_000,
        defaultModelSizeInBytes: BigInt(MIB),
        runtimeVersion: 'split',
        ...this.#methods,
      }),
      loadModel: ({ modelId }) => {
        this.asked.push(`load ${modelId}`);
        if (!this.#adapter.has(modelId)) this.#server.add(modelId);
        this.#adapter.add(modelId);
        return { sizeInBytes: BigInt(MIB) };
      },
      unloadModel: ({ modelId }) => {
        this.asked.push(`unload ${modelId}`);
        this.#adapter.delete(modelId);
        const wasThere = this.#server.delete(modelId);
        if (!wasThere && this.unloadSaysNotFound) throw new MeshError('not-found', `${modelId} is not loaded`);
        return {};
      },
      modelSize: () => ({ sizeInBytes: BigInt(MIB) }),
      predictModelSize: () => ({ sizeInBytes: BigInt(MIB) }),
    });
  }

  #inferenceRouter(): GrpcRouter {
    const answer = (request: Uint8Array, { headers }: CallContext) => {
      const modelId = headers.get('mm-model-id') ?? '';
      if (!this.#server.has(modelId)) throw lost(this.lostWords, modelId);
      return [request];
    };
    return METHODS.reduce((served, method) => served.unary(rawMethod(`/${method}`), answer), router());
  }
}

const router = (): GrpcRouter =>
  new GrpcRouter({ clock: realClock, timers: new TimerWheel(realClock), messageBytesMax: MESSAGE_BYTES_MAX });

const listener = ({ accept }: GrpcRouter): Listener =>
  new Listener({ engine: createFrameEngine({ clock: realClock }), limits: DEFAULT_STREAM_LIMITS, accept });

function lost(words: LostWords, modelId: string): GrpcStatusError {
  switch (words) {
    case 'contract':
      return new GrpcStatusError(GRPC_CODE.NOT_FOUND, 'no such model');
    case 'triton':
      return new GrpcStatusError(GRPC_CODE.UNAVAILABLE, `Request for unknown model: '${modelId}' is not found`);
    case 'mlserver':
      return new GrpcStatusError(GRPC_CODE.INVALID_ARGUMENT, `Model ${modelId} not found`);
    default:
      return assertNever(words);
  }
}
