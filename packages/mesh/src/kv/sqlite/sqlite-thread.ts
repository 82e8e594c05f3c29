import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { assertNever, MeshError, type Revision } from '@modelmesh/core';
import type { KvLease } from '../port.ts';
import type { SqliteCall, SqliteCalls, SqliteFailure, SqliteReply, SqliteWorkerData } from './protocol.ts';

/** Starts the thread's program; tests put their own in its place. */
export type StartWorker = (data: SqliteWorkerData) => Worker;

/** The program stands beside this file: `worker.ts` in the sources, `worker.js` in what is shipped. */
export const startWorker: StartWorker = (data) =>
  new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), { workerData: data, name: 'registry' });

/** The thread ended, or does not know whether its commit happened: what was asked may have been done. */
export class ThreadLost extends MeshError {
  constructor(why: string, cause?: unknown) {
    super('registry-unavailable', `the registry's thread ended: ${why}`, { cause });
  }
}

/** How a call ended; told inside the turn in which the thread's message arrived, in the order of the calls. */
export type Answered<Call extends SqliteCall> =
  | { readonly ok: true; readonly answer: SqliteCalls[Call]['answer'] }
  | { readonly ok: false; readonly error: MeshError };

type Settle = (result: Answered<SqliteCall>) => void;

/** What the thread told at its start. */
export interface Opened {
  readonly session: number;
  readonly revision: Revision;
  readonly leases: readonly KvLease[];
}

/** Told that the thread is over, before those who wait for an answer are. Its lock on the file is free when `exited` resolves. */
export type Lost = (error: ThreadLost, exited: Promise<void>) => void;

/** Settles {@link SqliteThread.start}. */
interface Opening {
  readonly resolve: (opened: Opened) => void;
  readonly reject: (error: MeshError) => void;
}

/** One life of the thread that holds the database, seen from the node's thread. */
export class SqliteThread {
  readonly #worker: Worker;
  /** Called in the order of the requests, which is the order of the answers. */
  readonly #pending: Settle[] = [];
  readonly #exited: Promise<void>;
  readonly #lost: Lost;
  /** Until the thread has said whether the database is open. */
  #opening: Opening | undefined;
  #end: MeshError | undefined;
  #closing = false;

  private constructor(worker: Worker, opening: Opening, lost: Lost) {
    this.#worker = worker;
    this.#opening = opening;
    this.#lost = lost;
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (reply: SqliteReply) => this.#heard(reply));
    worker.on('error', (error) => this.#over(new ThreadLost(error instanceof Error ? error.message : String(error), error)));
    worker.on('exit', (code) => this.#over(new ThreadLost(`exit code ${code}`)));
  }

  /** Resolves when the database is open. `lost` is called at most once, if the thread ends without {@link close}. */
  static async start(
    data: SqliteWorkerData,
    start: StartWorker,
    lost: Lost,
  ): Promise<{ readonly thread: SqliteThread; readonly opened: Opened }> {
    const worker = start(data);
    let thread: SqliteThread | undefined;
    const opened = await new Promise<Opened>((resolve, reject) => {
      thread = new SqliteThread(worker, { resolve, reject }, lost);
    });
    if (thread === undefined) throw new ThreadLost('it did not start');
    return { thread, opened };
  }

  /** Asks; `settle` is called exactly once, never from inside this call. */
  ask<Call extends SqliteCall>(call: Call, ask: SqliteCalls[Call]['ask'], settle: (result: Answered<Call>) => void): void {
    const end = this.#closing && call !== 'close' ? closed() : this.#end;
    if (end !== undefined) {
      queueMicrotask(() => settle({ ok: false, error: end }));
      return;
    }
    this.#pending.push(settle as Settle);
    this.#worker.postMessage({ call, ask });
  }

  /** {@link ask} as a promise. */
  call<Call extends SqliteCall>(call: Call, ask: SqliteCalls[Call]['ask']): Promise<SqliteCalls[Call]['answer']> {
    return new Promise((resolve, reject) => {
      this.ask(call, ask, (result) => (result.ok ? resolve(result.answer) : reject(result.error)));
    });
  }

  /** How many calls wait for their answer. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** Lets everything asked before be done, closes the database and waits for the thread's end. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#end === undefined) await this.call('close', null);
    await this.#exited;
  }

  #heard(reply: SqliteReply): void {
    switch (reply.kind) {
      case 'opened':
        this.#opening?.resolve(reply);
        this.#opening = undefined;
        return;
      case 'answer':
        this.#pending.shift()?.({ ok: true, answer: reply.answer });
        return;
      case 'failed':
        this.#failed(reply.failure);
        return;
      default:
        assertNever(reply);
    }
  }

  #failed({ kind, message, unknown }: SqliteFailure): void {
    const error = new MeshError(kind, message);
    if (this.#opening !== undefined) this.#over(error);
    else if (unknown) this.#over(new ThreadLost(message));
    else this.#pending.shift()?.({ ok: false, error });
  }

  #over(why: MeshError): void {
    if (this.#end !== undefined) return;
    const end = this.#closing ? closed() : why;
    this.#end = end;
    const opening = this.#opening;
    this.#opening = undefined;
    if (opening !== undefined) void this.#exited.then(() => opening.reject(end));
    else if (why instanceof ThreadLost && !this.#closing) this.#lost(why, this.#exited);
    for (const settle of this.#pending.splice(0)) settle({ ok: false, error: end });
  }
}

const closed = (): MeshError => new MeshError('registry-unavailable', 'the registry was closed');
