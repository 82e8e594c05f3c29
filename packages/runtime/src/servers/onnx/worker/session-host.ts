import { assertNever, toMeshError } from '@modelmesh/core';
import type { MemoryProbe } from '../../../memory/index.ts';
import type { PlannedResponse } from '../../tensors/index.ts';
import type { Ort } from './ort.ts';
import {
  type BatchEntry,
  type FromWorker,
  RUN_ERROR_KINDS,
  type RunErrorKind,
  readBatch,
  type SessionModel,
  type ToWorker,
  type WireTensorSpec,
  writeBatch,
} from './protocol.ts';
import { ModelSession } from './session.ts';

/** Answers are sent at the latest this long after the first of them, so that a slow model holds no neighbour's answer back. */
const ANSWER_DELAY_MS = 2;

interface HostedSession {
  readonly model: ModelSession;
  hasRun: boolean;
}

interface PendingRun {
  readonly runId: number;
  readonly session: number;
  readonly start: number;
  readonly end: number;
}

/** What the host needs of its thread. */
export interface HostThread {
  send(message: FromWorker, transfer: readonly ArrayBuffer[]): void;
  nowMs(): number;
  collectGarbage(): void;
  /** Ends the thread when nothing is left to do. */
  close(): void;
}

/** Owns the sessions of one worker thread and does what it is told, one thing at a time, in order. */
export class SessionHost {
  readonly #ort: Ort;
  readonly #probe: MemoryProbe;
  readonly #thread: HostThread;
  readonly #sessions = new Map<number, HostedSession>();
  readonly #inbox: ToWorker[] = [];
  #working = false;

  constructor(ort: Ort, probe: MemoryProbe, thread: HostThread) {
    this.#ort = ort;
    this.#probe = probe;
    this.#thread = thread;
  }

  /** Takes one message; it is worked on after all before it. */
  receive(message: ToWorker): void {
    this.#inbox.push(message);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let message = this.#inbox.shift(); message !== undefined; message = this.#inbox.shift()) await this.#do(message);
    this.#working = false;
  }

  async #do(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case 'runs':
        await this.#runAll(message.batch);
        break;
      case 'load':
        await this.#load(message.session, message.model);
        break;
      case 'unload':
        await this.#unload(message.session);
        break;
      case 'rest':
        this.#thread.collectGarbage();
        break;
      case 'end':
        for (const session of [...this.#sessions.keys()]) await this.#unload(session);
        this.#thread.close();
        break;
      default:
        assertNever(message);
    }
  }

  async #load(session: number, file: SessionModel): Promise<void> {
    const beforeBytes = this.#read();
    try {
      const model = await ModelSession.load(this.#ort, file);
      this.#sessions.set(session, { model, hasRun: false });
      const { inputs, outputs } = model.signature;
      this.#send({
        kind: 'loaded',
        session,
        inputs: inputs.map(wireSpec),
        outputs: outputs.map(wireSpec),
        beforeBytes,
        afterBytes: this.#read(),
      });
    } catch (error) {
      const { kind, message } = toMeshError(error);
      this.#send({ kind: 'load-failed', session, error: kind, message, beforeBytes, afterBytes: this.#read() });
    }
  }

  async #unload(session: number): Promise<void> {
    const beforeBytes = this.#read();
    await this.#sessions.get(session)?.model.release();
    this.#sessions.delete(session);
    this.#send({ kind: 'unloaded', session, beforeBytes, afterBytes: this.#read() });
  }

  async #runAll(batch: ArrayBuffer): Promise<void> {
    const runs: PendingRun[] = [];
    readBatch(batch, (runId, session, start, end) => runs.push({ runId, session, start, end }));
    const bytes = new Uint8Array(batch);
    let answers: BatchEntry[] = [];
    let sinceMs = this.#thread.nowMs();
    for (let i = 0; i < runs.length; i++) {
      answers.push(await this.#run(runs[i] as PendingRun, bytes));
      const nowMs = this.#thread.nowMs();
      if (i < runs.length - 1 && nowMs - sinceMs < ANSWER_DELAY_MS) continue;
      this.#answer(answers);
      answers = [];
      sinceMs = nowMs;
    }
  }

  async #run(run: PendingRun, bytes: Uint8Array<ArrayBuffer>): Promise<BatchEntry> {
    const { runId } = run;
    const hosted = this.#sessions.get(run.session);
    if (hosted === undefined) return failure(runId, 'model-not-found', 'the model is not loaded');
    try {
      const response = hosted.hasRun
        ? await hosted.model.run(bytes, run.start, run.end)
        : await this.#firstRun(hosted, run, bytes);
      return { runId, code: 0, byteCount: response.byteCount, write: response.write };
    } catch (error) {
      const { kind, message } = toMeshError(error);
      return failure(runId, (RUN_ERROR_KINDS as readonly string[]).includes(kind) ? (kind as RunErrorKind) : 'internal', message);
    }
  }

  async #firstRun(hosted: HostedSession, run: PendingRun, bytes: Uint8Array<ArrayBuffer>): Promise<PlannedResponse> {
    const beforeBytes = this.#read();
    const peak = this.#probe.watchPeak();
    const response = await hosted.model.run(bytes, run.start, run.end);
    hosted.hasRun = true;
    const peakBytes = peak();
    this.#send({ kind: 'first-run', session: run.session, keptBytes: Math.max(0, this.#read() - beforeBytes), peakBytes });
    return response;
  }

  #answer(answers: readonly BatchEntry[]): void {
    const batch = writeBatch(answers);
    this.#thread.send({ kind: 'answers', batch }, [batch]);
  }

  /** Private bytes without what the JavaScript of this thread holds, which comes and goes with its garbage. */
  #read(): number {
    return this.#probe.read() - this.#probe.scriptBytes();
  }

  #send(message: FromWorker): void {
    this.#thread.send(message, []);
  }
}

function failure(runId: number, kind: RunErrorKind, message: string): BatchEntry {
  const text = Buffer.from(message, 'utf8');
  return {
    runId,
    code: 1 + RUN_ERROR_KINDS.indexOf(kind),
    byteCount: text.length,
    write: (target, offset) => target.set(text, offset),
  };
}

function wireSpec(spec: ModelSession['signature']['inputs'][number]): WireTensorSpec {
  return { name: spec.name, datatype: spec.type.datatype, shape: spec.shape };
}
