import { type Clock, MeshError, toMeshError } from '@modelmesh/core';
import { MeasurementWindow, type WindowResult, type WindowTicket } from '../../../memory/index.ts';
import { ELEMENT_TYPES, type Signature, type TensorSpec } from '../../tensors/index.ts';
import type { FromWorker, WireTensorSpec } from '../worker/protocol.ts';
import { chooseLane } from './choose-lane.ts';
import { type ControlJob, Lane, type LaneLimits, Run, type RunSink, type WorkerPort } from './lane.ts';

/** What a pool is made of. */
export interface WorkerPoolOptions extends LaneLimits {
  readonly clock: Clock;
  readonly endOfTurn: (run: () => void) => void;
  readonly spawn: () => WorkerPort;
  /** Memory of this thread's JavaScript, which is told apart from that of models. */
  readonly scriptBytes: () => number;
  /** What a worker takes without sessions. */
  readonly workerBytes: () => number;
  /** Workers that always run, and how many there may be while loads would disturb runs. */
  readonly workersMin: number;
  readonly workersMax: number;
}

/** A model file that is to be loaded. */
export interface PoolLoad {
  readonly modelId: string;
  readonly path: string;
  readonly unshaped: ReadonlySet<string>;
  /** Expected bytes of one session. */
  readonly sessionBytes: number;
  /** Sessions, each in another worker; never more than there may be workers. */
  readonly instances: number;
}

/** A session in one worker. */
interface Placed {
  readonly lane: Lane;
  readonly session: number;
}

/** A loaded model. */
export interface PoolModel {
  readonly modelId: string;
  readonly signature: Signature;
  readonly sessions: readonly Placed[];
}

/** Told of what the pool learns by itself. */
export interface PoolEvents {
  measured(results: readonly WindowResult[]): void;
  /** The first run of a session; `isQuiet` if nothing loaded or unloaded beside it, so that the bytes are its own. */
  firstRun(modelId: string, keptBytes: number, peakBytes: number, isQuiet: boolean): void;
  /** A worker is gone and took this model's session with it. */
  modelLost(modelId: string): void;
}

/** Sessions in worker threads. A session never leaves its worker; runs go before loads. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #events: PoolEvents;
  readonly #lanes: Lane[] = [];
  readonly #window = new MeasurementWindow();
  readonly #modelOfSession = new Map<number, { readonly modelId: string; readonly lane: Lane }>();
  /** Workers that were told to end and have not yet. */
  readonly #ending = new Map<Lane, WindowTicket>();
  #nextSession = 1;
  #isClosed = false;

  constructor(options: WorkerPoolOptions, events: PoolEvents) {
    this.#options = options;
    this.#events = events;
    for (let i = 0; i < options.workersMin; i++) this.#addLane();
  }

  /** Resolves when all workers that always run are up. @throws {MeshError} that says why one is not. */
  async ready(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.ready));
  }

  /** Workers that run now. */
  get workerCount(): number {
    return this.#lanes.length;
  }

  /**
   * Loads a model. When `signal` aborts, what waits is withdrawn and what goes on is unloaded as soon as it is there; the promise settles when
   * nothing of the model is left.
   *
   * @throws {MeshError} of the file, or the signal's reason.
   */
  async load(load: PoolLoad, signal: AbortSignal): Promise<PoolModel> {
    const lanes = this.#chooseLanes(load.instances);
    const outcomes = await Promise.allSettled(lanes.map((lane) => this.#loadIn(lane, load, signal)));
    const loaded = outcomes.filter((outcome) => outcome.status === 'fulfilled').map((outcome) => outcome.value);
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    const signature = loaded[0]?.signature;
    if (failure === undefined && !signal.aborted && signature !== undefined) {
      return { modelId: load.modelId, signature, sessions: loaded.map(({ placed }) => placed) };
    }
    await Promise.all(loaded.map(({ placed }) => this.#unloadFrom(placed, load.modelId, load.sessionBytes)));
    throw signal.aborted ? toMeshError(signal.reason) : toMeshError(failure?.reason);
  }

  /** Unloads a model; resolves when its memory was given back. */
  async unload(model: PoolModel, measuredBytes: number): Promise<void> {
    await Promise.all(
      model.sessions.map((placed) => this.#unloadFrom(placed, model.modelId, measuredBytes / model.sessions.length)),
    );
  }

  /**
   * Runs a ModelInferRequest given in chunks, on the session with the least work before it.
   *
   * @throws {MeshError} `overloaded` when the worker's queue is full, `model-not-found` when its worker is gone.
   */
  run(model: PoolModel, chunks: readonly Uint8Array[], byteCount: number, sink: RunSink): Run {
    let chosen = model.sessions[0];
    for (const placed of model.sessions) if (chosen === undefined || placed.lane.runCount < chosen.lane.runCount) chosen = placed;
    if (chosen === undefined) throw new MeshError('model-not-found', `the model ${model.modelId} is not loaded`);
    const run = new Run(chosen.session, chunks, byteCount, sink);
    chosen.lane.run(run);
    return run;
  }

  /** Lets workers that have nothing to do collect their garbage. */
  rest(): void {
    for (const lane of this.#lanes) lane.rest();
  }

  /** Ends all workers. Nothing may be loaded any more. */
  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.splice(0)) lane.end();
  }

  #chooseLanes(instances: number): Lane[] {
    const used = new Set<number>();
    const chosen: Lane[] = [];
    for (let i = 0; i < instances; i++) {
      const choice = chooseLane(
        this.#lanes.map((lane) => lane.view()),
        used,
        this.#options.clock.monotonicMs(),
        this.#options.workersMax,
      );
      if (choice === undefined) break;
      const index = choice.kind === 'use' ? choice.index : this.#addLane();
      used.add(index);
      chosen.push(this.#lanes[index] as Lane);
    }
    for (const lane of chosen) lane.sessions++;
    return chosen;
  }

  #addLane(): number {
    const { clock, spawn, endOfTurn } = this.#options;
    const ticket = this.#window.begin();
    const lane = new Lane(spawn(), clock, this.#options, endOfTurn, {
      onFirstRun: (session, keptBytes, peakBytes) => {
        const owner = this.#modelOfSession.get(session);
        if (owner !== undefined) this.#events.firstRun(owner.modelId, keptBytes, peakBytes, this.#window.active === 0);
      },
      onReady: (privateBytes) => this.#workerStarted(ticket, privateBytes),
      onLost: (lost) => {
        if (!lost.isReady) this.#window.end(ticket, undefined);
        this.#laneLost(lost);
      },
    });
    return this.#lanes.push(lane) - 1;
  }

  #loadIn(lane: Lane, load: PoolLoad, signal: AbortSignal): Promise<{ placed: Placed; signature: Signature }> {
    const session = this.#nextSession++;
    return new Promise((resolve, reject) => {
      const failed = (error: MeshError): void => {
        lane.sessions--;
        this.#retireIfIdle(lane);
        reject(error);
      };
      const withdraw = (): void => {
        if (lane.withdraw(job)) failed(toMeshError(signal.reason));
      };
      const job = this.#measuredJob(
        { kind: 'load', session, model: { modelId: load.modelId, path: load.path, unshaped: load.unshaped } },
        load.modelId,
        load.sessionBytes,
        {
          done: (answer) => {
            signal.removeEventListener('abort', withdraw);
            if (answer.kind === 'load-failed') return failed(new MeshError(answer.error, answer.message));
            if (answer.kind === 'unloaded') return;
            this.#modelOfSession.set(session, { modelId: load.modelId, lane });
            resolve({ placed: { lane, session }, signature: signatureOf(answer) });
          },
          lost: failed,
        },
      );
      if (signal.aborted) return failed(toMeshError(signal.reason));
      signal.addEventListener('abort', withdraw, { once: true });
      lane.control(job);
    });
  }

  #unloadFrom({ lane, session }: Placed, modelId: string, bytes: number): Promise<void> {
    return new Promise((resolve) => {
      const gone = (): void => {
        this.#modelOfSession.delete(session);
        lane.sessions--;
        this.#retireIfIdle(lane);
        resolve();
      };
      lane.control(this.#measuredJob({ kind: 'unload', session }, modelId, -bytes, { done: gone, lost: gone }));
    });
  }

  /** A job that opens the measurement when it starts and closes it before its own outcome is told. */
  #measuredJob(
    message: ControlJob['message'],
    modelId: string,
    expectedBytes: number,
    outcome: Pick<ControlJob, 'done' | 'lost'>,
  ): ControlJob {
    const { scriptBytes } = this.#options;
    let ticket: ReturnType<MeasurementWindow['begin']> | undefined;
    let scriptBytesBefore = 0;
    return {
      message,
      started: () => {
        scriptBytesBefore = scriptBytes();
        ticket = this.#window.begin();
      },
      done: (answer) => {
        outcome.done(answer);
        if (ticket === undefined) return;
        const expected = answer.kind === 'load-failed' ? 0 : expectedBytes;
        const share = {
          modelId,
          expectedBytes: expected,
          beforeBytes: answer.beforeBytes - scriptBytesBefore,
          afterBytes: answer.afterBytes - scriptBytes(),
        };
        this.#events.measured(this.#window.end(ticket, share));
      },
      lost: (error) => {
        if (ticket !== undefined) this.#window.end(ticket, undefined);
        outcome.lost(error);
      },
    };
  }

  /** A worker beyond the minimum goes with its last session, so that an empty runtime is as small as it began. */
  #retireIfIdle(lane: Lane): void {
    if (lane.sessions > 0 || this.#lanes.length <= this.#options.workersMin) return;
    const index = this.#lanes.indexOf(lane);
    if (index < 0) return;
    this.#lanes.splice(index, 1);
    this.#ending.set(lane, this.#window.begin());
    lane.end();
  }

  /** A worker has come up beside loads, which must not be charged with it. */
  #workerStarted(ticket: WindowTicket, privateBytes: number): void {
    const { workerBytes, scriptBytes } = this.#options;
    const afterBytes = privateBytes - scriptBytes();
    const share = { modelId: undefined, expectedBytes: workerBytes(), beforeBytes: undefined, afterBytes };
    this.#events.measured(this.#window.end(ticket, share));
  }

  #laneLost(lane: Lane): void {
    const ending = this.#ending.get(lane);
    this.#ending.delete(lane);
    // Nothing is expected back: V8 keeps most of it for some seconds, for whoever needs pages next.
    if (ending !== undefined) this.#window.end(ending, undefined);
    const index = this.#lanes.indexOf(lane);
    if (index >= 0) this.#lanes.splice(index, 1);
    const lost = [...this.#modelOfSession].filter(([, owner]) => owner.lane === lane);
    for (const [session] of lost) this.#modelOfSession.delete(session);
    for (const modelId of new Set(lost.map(([, owner]) => owner.modelId))) this.#events.modelLost(modelId);
    while (!this.#isClosed && lane.isReady && index >= 0 && this.#lanes.length < this.#options.workersMin) this.#addLane();
  }
}

function signatureOf(answer: Extract<FromWorker, { kind: 'loaded' }>): Signature {
  return { inputs: answer.inputs.map(specOf), outputs: answer.outputs.map(specOf) };
}

function specOf({ name, datatype, shape }: WireTensorSpec): TensorSpec {
  const type = ELEMENT_TYPES.find((candidate) => candidate.datatype === datatype);
  if (type === undefined) throw new MeshError('internal', `a worker named the unknown datatype ${datatype}`);
  return { name, type, shape };
}
