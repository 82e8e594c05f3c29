import {
  durationMs,
  type EpochMs,
  endpointId,
  instanceId,
  type MeshError,
  type ModelKey,
  modelKey,
  monotonicMs,
} from '@modelmesh/core';
import type { EndpointPolicy } from '@modelmesh/core/records';
import { FakeClock, SeededRandom } from '@modelmesh/core/testing';
import { assignSlots } from '@modelmesh/core/traffic';
import { frameMessage } from '@modelmesh/grpc/framing';
import { DEFAULT_STREAM_LIMITS, type HeaderBlock, headerBlock, type ServerConnection } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { allowAll } from '../../../authz/index.ts';
import { createCelEngine } from '../../../cel/index.ts';
import {
  allocateCounters,
  createInProcessLink,
  type EndpointRoute,
  type Located,
  type ModelRoute,
  SlotCounters,
  type SlotRef,
  type ToControl,
} from '../../../link/index.ts';
import { DataPlane, type DataPlaneLimits, type DataPlaneParts } from '../../data-plane.ts';
import { policyExpressions } from '../../picking/index.ts';
import { type Caller, type CallFacts, type CallPlan, InferenceCall } from '../index.ts';
import { FakeEngine, FakeStream } from './fake-engine.ts';

const KIB = 1024;
export const METHOD = 'any.Service/Method';
const NO_ROUTES = { models: [], endpoints: [], families: [], peers: [] };
const PEER = { info: { remoteAddress: '', encrypted: false, clientCertificate: undefined } } as unknown as ServerConnection;

const LIMITS: DataPlaneLimits = {
  messageBytesMax: 4 * KIB * KIB,
  replayBytesPerCallMax: 256 * KIB,
  replayBytesMax: 1024 * KIB,
  openingBytesMax: 8 * KIB * KIB,
  inflateRatioMax: 256,
  multiParallelism: 4,
  waitingCallsPerModelMax: 64,
  waitingCallsMax: 128,
  runtimeWaitersMax: 64,
  unaryTimeoutMs: durationMs(300_000),
};

/** `bytes` as one gRPC message. */
export function framed(bytes: Uint8Array | string): Buffer {
  const message = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return Buffer.concat(frameMessage([message]));
}

/** That many bytes in which no stretch looks like its neighbours, so that a piece that is lost, doubled or moved shows. */
export function patterned(byteCount: number): Buffer {
  const bytes = Buffer.alloc(byteCount);
  let state = 1;
  for (let at = 0; at < byteCount; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Hears a call as a caller would, and checks that it ends once and says nothing after. */
export class RecordingCaller implements Caller {
  headers: HeaderBlock | undefined;
  readonly data: Uint8Array[] = [];
  trailers: HeaderBlock | undefined;
  error: MeshError | undefined;
  taken = 0;
  /** What `onResponseData` answers. */
  writable = true;

  get ended(): boolean {
    return this.trailers !== undefined || this.error !== undefined;
  }

  get body(): string {
    return Buffer.concat(this.data).toString();
  }

  onResponseHeaders(headers: HeaderBlock): void {
    this.#open('headers');
    if (this.headers !== undefined) throw new Error('headers came twice');
    this.headers = headers;
  }

  onResponseData(bytes: Uint8Array): boolean {
    this.#open('data');
    this.data.push(bytes);
    return this.writable;
  }

  onResponseEnd(trailers: HeaderBlock): void {
    this.#open('trailers');
    this.trailers = trailers;
  }

  onFailed(error: MeshError): void {
    this.#open('a failure');
    this.error = error;
  }

  onRequestTaken(byteCount: number): void {
    this.taken += byteCount;
  }

  #open(what: string): void {
    if (this.ended) throw new Error(`${what} came after the end`);
  }
}

/** What a test may want otherwise. */
export interface CallRigOptions extends Pick<Partial<DataPlaneParts>, 'rules' | 'authorizer' | 'exhaustedKind' | 'tokens'> {
  readonly limits?: Partial<DataPlaneLimits>;
}

/** A data plane under a fake clock, with a runtime and a control that are the test's to play. */
export class CallRig {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine();
  readonly timers: TimerWheel;
  readonly heard: ToControl[] = [];
  readonly finished: CallFacts[] = [];
  readonly counters: SlotCounters;
  readonly dataPlane: DataPlane;
  readonly #link = createInProcessLink({ clone: true });
  #version = 0;
  #slots = 0;

  constructor(options: CallRigOptions = {}) {
    const memory = allocateCounters(1, 16);
    this.counters = new SlotCounters(memory);
    this.timers = new TimerWheel(this.clock);
    this.#link.control.onMessage = (message) => this.heard.push(message);
    this.dataPlane = new DataPlane({
      worker: 0,
      instance: instanceId('here'),
      clock: this.clock,
      timers: this.timers,
      engine: this.engine,
      runtimeLimits: DEFAULT_STREAM_LIMITS,
      counters: memory,
      link: this.#link.dataPlane,
      metrics: { call: (facts) => this.finished.push(facts), attempt: () => {}, cacheMiss: () => {} },
      authorizer: allowAll,
      rules: { rules: new Map(), allowOthers: true },
      random: new SeededRandom(1, 'variants'),
      expressionsOf: policyExpressions(createCelEngine()),
      ...options,
      limits: { ...LIMITS, ...options.limits },
    });
    this.#link.control.send({ kind: 'route-snapshot', epoch: 1, version: 0, last: true, parts: NO_ROUTES });
  }

  /** A rig whose runtime can be reached. */
  static async ready(options: CallRigOptions = {}): Promise<CallRig> {
    const rig = new CallRig(options);
    await rig.runtimeUp();
    rig.engine.connection.become({ kind: 'ready', epoch: 1 });
    return rig;
  }

  /** Lets messages between control and data plane arrive. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Control: the runtime is there. */
  runtimeUp(methods: ReadonlyMap<string, readonly number[]> = new Map(), epoch = 1): Promise<void> {
    const target = { kind: 'unix', path: '/runtime' } as const;
    this.#link.control.send({ kind: 'runtime-up', access: { epoch, target, methods, anyMethod: true } });
    return this.settle();
  }

  /** Control: the runtime is gone. */
  runtimeDown(restarting = true): Promise<void> {
    this.#link.control.send({ kind: 'runtime-down', restarting, message: 'the runtime ended' });
    return this.settle();
  }

  /** Control: the model is registered, and serves from a new slot unless `local` is null. */
  async route(
    key: string,
    local: SlotRef | null,
    retry: ModelRoute['retry'] = 'safe',
    concurrency: number | null = null,
    failingUntilMs?: EpochMs,
  ): Promise<void> {
    const failing = failingUntilMs === undefined ? {} : { failingUntilMs };
    const plain = { key: modelKey(key), family: null, version: null, local, remote: [], retry, ...failing };
    const model: ModelRoute = concurrency === null ? plain : { ...plain, concurrency };
    const from = this.#version;
    this.#version += 1;
    const put = { ...NO_ROUTES, models: [model] };
    this.#link.control.send({ kind: 'route-delta', epoch: 1, from, to: this.#version, put, remove: NO_ROUTES });
    await this.settle();
  }

  /** Control: an endpoint has this policy. */
  async endpoint(id: string, policy: EndpointPolicy, revision = 1): Promise<void> {
    const model = policy.variants.find(({ name }) => name === policy.defaultVariant)?.model;
    if (model === undefined) throw new Error('the default variant is none of the policy');
    const route = { id: endpointId(id), revision, variant: policy.defaultVariant, model, successor: null };
    const endpoint: EndpointRoute = { ...route, policy: { policy, slots: assignSlots(policy, new Map()), published: null } };
    const from = this.#version;
    this.#version += 1;
    const put = { ...NO_ROUTES, endpoints: [endpoint] };
    this.#link.control.send({ kind: 'route-delta', epoch: 1, from, to: this.#version, put, remove: NO_ROUTES });
    await this.settle();
  }

  /** Control: a slot that serves. */
  openSlot(): SlotRef {
    const slot = { index: this.#slots, generation: 1 };
    this.#slots += 1;
    this.counters.open(slot, this.clock.wallMs() as EpochMs);
    return slot;
  }

  /** Control: the answer to the last `locate`. */
  located(key: string, outcome: Located): Promise<void> {
    const model = modelKey(key);
    const asked = this.said('locate').findLast((message) => message.model === model);
    this.#link.control.send({ kind: 'located', request: asked?.request ?? 0, model, outcome });
    return this.settle();
  }

  /** What the data plane said of that kind. */
  said<Kind extends ToControl['kind']>(kind: Kind): Extract<ToControl, { kind: Kind }>[] {
    return this.heard.filter((message): message is Extract<ToControl, { kind: Kind }> => message.kind === kind);
  }

  /** Streams to the runtime, oldest first. */
  get streams(): readonly FakeStream[] {
    return this.engine.connection.streams;
  }

  /** The stream to the runtime that was opened last. */
  get stream(): FakeStream {
    const last = this.streams.at(-1);
    if (last === undefined) throw new Error('nothing was sent to the runtime');
    return last;
  }

  /** A call that has not set off. */
  call(key: string, plan: Partial<CallPlan> = {}): { readonly call: InferenceCall; readonly caller: RecordingCaller } {
    const caller = new RecordingCaller();
    const call = new InferenceCall(this.dataPlane.plane, caller, {
      method: METHOD,
      model: modelKey(key) as ModelKey,
      endpoint: null,
      headers: headerBlock([':method', 'POST', ':path', `/${METHOD}`]),
      encoding: 'identity',
      deadline: null,
      deadlineIsDefault: false,
      callRetry: 'safe',
      balanced: false,
      origin: { requestId: null },
      ...plan,
    });
    return { call, caller };
  }

  /** An instant that many milliseconds from now. */
  in(ms: number): CallPlan['deadline'] {
    return monotonicMs(this.clock.monotonicMs() + ms);
  }

  /** A client's gRPC stream as it comes in at the port. */
  client(fields: readonly string[] = [], end = false, path = `/${METHOD}`): ClientSide {
    const headers = headerBlock([':method', 'POST', ':path', path, 'content-type', 'application/grpc', ...fields]);
    const stream = new FakeStream(headers, false);
    const handler = this.dataPlane.accept(stream, headers, end, PEER);
    return new ClientSide(
      stream,
      (bytes, last) => handler.onData(stream, bytes, last),
      () => handler.onReset(stream, { kind: 'peer-reset', code: 8 }),
      () => {
        stream.writable = true;
        handler.onWritable(stream);
      },
    );
  }
}

/** A client that calls through the gRPC door. */
export class ClientSide {
  readonly stream: FakeStream;
  readonly push: (bytes: Uint8Array, end: boolean) => void;
  readonly cancel: () => void;
  /** Takes data again after `stream.writable = false`. */
  readonly resume: () => void;

  constructor(stream: FakeStream, push: ClientSide['push'], cancel: () => void, resume: () => void) {
    this.stream = stream;
    this.push = push;
    this.cancel = cancel;
    this.resume = resume;
  }

  /** Code and message that the client got; `undefined` while the call runs. */
  get status(): readonly [number, string] | undefined {
    const block = this.stream.sentTrailers ?? (this.stream.sentEnd ? this.stream.sentHeaders : undefined);
    if (block === undefined) return undefined;
    return [Number(block.get('grpc-status')), decodeURIComponent(block.get('grpc-message') ?? '')];
  }
}
