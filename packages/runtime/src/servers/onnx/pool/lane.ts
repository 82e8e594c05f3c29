import { assertNever, type Clock, MeshError, type MonotonicMs } from '@modelmesh/core';
import { type BatchEntry, type FromWorker, RUN_ERROR_KINDS, readBatch, type ToWorker, writeBatch } from '../worker/protocol.ts';
import type { LaneView } from './choose-lane.ts';

/** A worker thread as the pool sees it. */
export interface WorkerPort {
  post(message: ToWorker, transfer: readonly ArrayBuffer[]): void;
  onMessage: ((message: FromWorker) => void) | undefined;
  /** The thread is gone, with why. */
  onExit: ((why: string) => void) | undefined;
}

/** Receives the outcome of one run. */
export interface RunSink {
  /** `response` is a ModelInferResponse; it belongs to the sink. */
  answered(response: Uint8Array): void;
  failed(error: MeshError): void;
}

/** One inference on its way. */
export class Run {
  readonly session: number;
  readonly chunks: readonly Uint8Array[];
  readonly byteCount: number;
  readonly sink: RunSink;
  isCancelled = false;

  constructor(session: number, chunks: readonly Uint8Array[], byteCount: number, sink: RunSink) {
    this.session = session;
    this.chunks = chunks;
    this.byteCount = byteCount;
    this.sink = sink;
  }

  /** Nobody waits for it any more: it is dropped if it has not reached the worker, and its answer is. */
  cancel(): void {
    this.isCancelled = true;
  }
}

/** A load or unload: exclusive in its worker. */
export interface ControlJob {
  readonly message: Extract<ToWorker, { kind: 'load' | 'unload' }>;
  /** It was handed to the worker now. */
  started(): void;
  done(answer: Extract<FromWorker, { kind: 'loaded' | 'load-failed' | 'unloaded' }>): void;
  lost(error: MeshError): void;
}

/** Named bounds of one worker's queue. */
export interface LaneLimits {
  readonly runsQueuedMax: number;
  readonly runBytesQueuedMax: number;
}

/** Told of what a worker says by itself. */
export interface LaneEvents {
  onFirstRun(session: number, keptBytes: number, peakBytes: number): void;
  /** The thread is up; nothing was loaded in it yet. `privateBytes` of the process. */
  onReady(privateBytes: number): void;
  /** The thread is gone. */
  onLost(lane: Lane): void;
}

/** Runs and bytes that travel in one message. */
const BATCH_RUNS_MAX = 64;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** Batches under way at once: one being run, one waiting in the thread so that it never idles. */
const BATCHES_MAX = 2;
/** Runs go before loads, but not for ever: after this long a load or unload is next. */
export const CONTROL_WAIT_MS_MAX = 2_000;

/** The queue in front of one worker: runs first and in batches, loads and unloads when there are none. */
export class Lane {
  readonly #port: WorkerPort;
  readonly #clock: Clock;
  readonly #limits: LaneLimits;
  readonly #endOfTurn: (run: () => void) => void;
  readonly #onFirstRun: (session: number, keptBytes: number, peakBytes: number) => void;
  readonly #onReady: (privateBytes: number) => void;
  readonly #onLost: (lane: Lane) => void;
  #queued: Run[] = [];
  #queuedBytes = 0;
  readonly #running = new Map<number, Run>();
  #nextRunId = 1;
  #batches = 0;
  /** Runs still unanswered of each batch under way, oldest first: a worker answers in order. */
  readonly #batchRuns: number[] = [];
  readonly #control: { readonly job: ControlJob; readonly sinceMs: MonotonicMs }[] = [];
  #controlRunning: ControlJob | undefined;
  #pumpPlanned = false;
  #lostWhy: MeshError | undefined;
  #lastRunMs = -Infinity as MonotonicMs;
  /** Sessions that are or will be in this worker; the pool counts them. */
  sessions = 0;
  /** Whether the thread came up; one that never does is not started again. */
  isReady = false;
  readonly #ready = Promise.withResolvers<void>();

  constructor(port: WorkerPort, clock: Clock, limits: LaneLimits, endOfTurn: (run: () => void) => void, events: LaneEvents) {
    this.#port = port;
    this.#clock = clock;
    this.#limits = limits;
    this.#endOfTurn = endOfTurn;
    this.#onFirstRun = events.onFirstRun;
    this.#onReady = events.onReady;
    this.#onLost = events.onLost;
    this.#ready.promise.catch(() => undefined);
    port.onMessage = (message) => this.#receive(message);
    port.onExit = (why) => this.#lost(why);
  }

  /** Resolves when the thread can load models. @throws {MeshError} if it ends before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Facts for the choice of a worker. */
  view(): LaneView {
    return {
      controlJobs: this.#control.length + Number(this.#controlRunning !== undefined),
      runs: this.#queued.length + this.#running.size,
      sessions: this.sessions,
      lastRunMs: this.#lastRunMs,
    };
  }

  /** Runs that wait or go on here. */
  get runCount(): number {
    return this.#queued.length + this.#running.size;
  }

  /** Queues a run. @throws {MeshError} `overloaded` beyond the limits, `model-not-found` if the worker is gone. */
  run(run: Run): void {
    if (this.#lostWhy !== undefined) throw new MeshError('model-not-found', `the model is not loaded: ${this.#lostWhy.message}`);
    const { runsQueuedMax, runBytesQueuedMax } = this.#limits;
    const isFull =
      this.#queued.length >= runsQueuedMax || (this.#queued.length > 0 && this.#queuedBytes + run.byteCount > runBytesQueuedMax);
    if (isFull) {
      throw new MeshError(
        'overloaded',
        `the model's worker has ${this.#queued.length} requests of ${this.#queuedBytes} bytes waiting; the limits are ${runsQueuedMax} and ${runBytesQueuedMax} bytes`,
      );
    }
    this.#queued.push(run);
    this.#queuedBytes += run.byteCount;
    if (this.#batches < BATCHES_MAX) this.#planPump();
  }

  /** Queues a load or unload; the caller bounds how many. */
  control(job: ControlJob): void {
    if (this.#lostWhy !== undefined) {
      job.lost(this.#lostWhy);
      return;
    }
    this.#control.push({ job, sinceMs: this.#clock.monotonicMs() });
    this.#planPump();
  }

  /** Takes a job back that has not started. @returns whether it could be. */
  withdraw(job: ControlJob): boolean {
    const index = this.#control.findIndex((entry) => entry.job === job);
    if (index < 0) return false;
    this.#control.splice(index, 1);
    return true;
  }

  /** Lets the thread collect its garbage, if it has nothing to do. */
  rest(): void {
    const { controlJobs, runs } = this.view();
    if (this.isReady && controlJobs + runs === 0) this.#port.post({ kind: 'rest' }, []);
  }

  /** Lets the thread end after what it does now; only for a worker without sessions. */
  end(): void {
    if (this.#lostWhy === undefined) this.#port.post({ kind: 'end' }, []);
  }

  #planPump(): void {
    if (this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    this.#endOfTurn(() => {
      this.#pumpPlanned = false;
      this.#pump();
    });
  }

  #pump(): void {
    // A thread that is still starting would take what it is told much later than it was measured.
    if (!this.isReady || this.#lostWhy !== undefined || this.#controlRunning !== undefined) return;
    const next = this.#control[0];
    const isControlDue = next !== undefined && this.#clock.monotonicMs() - next.sinceMs >= CONTROL_WAIT_MS_MAX;
    while (!isControlDue && this.#queued.length > 0 && this.#batches < BATCHES_MAX) this.#sendBatch();
    if (next === undefined || this.#batches > 0) return;
    this.#control.shift();
    this.#controlRunning = next.job;
    next.job.started();
    this.#port.post(next.job.message, []);
  }

  #sendBatch(): void {
    const entries: BatchEntry[] = [];
    let bytes = 0;
    let taken = 0;
    for (const run of this.#queued) {
      if (taken > 0 && (entries.length === BATCH_RUNS_MAX || bytes + run.byteCount > BATCH_BYTES_MAX)) break;
      taken++;
      this.#queuedBytes -= run.byteCount;
      if (run.isCancelled) continue;
      const runId = this.#nextRunId++ >>> 0;
      this.#running.set(runId, run);
      bytes += run.byteCount;
      entries.push({
        runId,
        code: run.session,
        byteCount: run.byteCount,
        write: (target, offset) => copyChunks(run.chunks, target, offset),
      });
    }
    this.#queued = taken === this.#queued.length ? [] : this.#queued.slice(taken);
    if (entries.length === 0) return;
    const batch = writeBatch(entries);
    this.#batches++;
    this.#batchRuns.push(entries.length);
    this.#port.post({ kind: 'runs', batch }, [batch]);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.isReady = true;
        this.#onReady(message.privateBytes);
        this.#ready.resolve();
        this.#pump();
        break;
      case 'answers':
        this.#answers(message.batch);
        break;
      case 'first-run':
        this.#onFirstRun(message.session, message.keptBytes, message.peakBytes);
        break;
      case 'loaded':
      case 'load-failed':
      case 'unloaded': {
        const job = this.#controlRunning;
        this.#controlRunning = undefined;
        job?.done(message);
        this.#pump();
        break;
      }
      default:
        assertNever(message);
    }
  }

  #answers(batch: ArrayBuffer): void {
    this.#lastRunMs = this.#clock.monotonicMs();
    let count = 0;
    readBatch(batch, (runId, code, start, end) => {
      count++;
      const run = this.#running.get(runId);
      this.#running.delete(runId);
      if (run === undefined || run.isCancelled) return;
      if (code === 0) run.sink.answered(new Uint8Array(batch, start, end - start));
      else
        run.sink.failed(
          new MeshError(RUN_ERROR_KINDS[code - 1] ?? 'internal', Buffer.from(batch, start, end - start).toString('utf8')),
        );
    });
    const left = (this.#batchRuns[0] ?? 0) - count;
    if (left > 0) this.#batchRuns[0] = left;
    else {
      this.#batchRuns.shift();
      this.#batches--;
    }
    this.#pump();
  }

  #lost(why: string): void {
    if (this.#lostWhy !== undefined) return;
    const error = new MeshError('unavailable', `the worker thread of the model was lost: ${why}`);
    this.#lostWhy = error;
    this.#ready.reject(error);
    const runs = [...this.#running.values(), ...this.#queued];
    this.#running.clear();
    this.#queued = [];
    for (const run of runs) if (!run.isCancelled) run.sink.failed(error);
    this.#controlRunning?.lost(error);
    for (const { job } of this.#control.splice(0)) job.lost(error);
    this.#onLost(this);
  }
}

function copyChunks(chunks: readonly Uint8Array[], target: Buffer, offset: number): void {
  let at = offset;
  for (const chunk of chunks) {
    target.set(chunk, at);
    at += chunk.length;
  }
}
