import { MessageChannel } from 'node:worker_threads';
import { type Clock, type DurationMs, durationMs, MeshError, type MonotonicMs, type Timer, toMeshError } from '@modelmesh/core';
import { nextStart } from '@modelmesh/core/workers';
import { type ErrorFacts, threadControlEnd, type WorkersLink } from '../link/index.ts';
import type { Log } from '../log/index.ts';
import { countedIn, type MetricsSnapshot, sumOf } from '../metrics/index.ts';
import type { StrategyNews } from '../plugins/index.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.ts';
import type { StartThread, WorkerThread } from './port.ts';

/** A worker that has not opened its ports in this time is taken for one that cannot. */
export const START_TIMEOUT_MS: DurationMs = durationMs(60_000);
/** A page of metrics waits no longer for a worker. */
export const MEASURE_TIMEOUT_MS: DurationMs = durationMs(1000);

/** Why a worker was replaced. */
export type FallReason = 'silent' | 'ended';
type Answer<Kind extends FromWorker['kind']> = Extract<FromWorker, { readonly kind: Kind }>;

/** What the seat of a worker needs. */
export interface SeatParts {
  readonly worker: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly link: WorkersLink;
  readonly startThread: StartThread;
  /** What each life is started with, as of now. */
  readonly setup: () => Omit<WorkerSetup, 'worker' | 'link'>;
  /** Takes lines of the log. */
  readonly writeLog: (text: string) => void;
  /** A life is over, and nothing of it writes shared memory any more. */
  readonly onGone: () => void;
  /** A life fell while it should have gone on. */
  readonly onFall: (reason: FallReason) => void;
  /** Brings the next life to where the last one was. Rejects if it cannot. */
  readonly begin: () => Promise<void>;
  readonly onShed: (done: boolean) => void;
  readonly onStrategy: (news: StrategyNews) => void;
}

/** One life: its thread, and what ends with it. */
interface Life {
  readonly thread: WorkerThread;
  readonly startedMs: MonotonicMs;
  readonly leave: () => void;
  /** Of control, whose answers are awaited; a life that ends rejects them. */
  readonly waits: Map<FromWorker['kind'], { resolve(message: FromWorker): void; reject(error: MeshError): void }>;
  readonly measures: Map<number, (metrics: MetricsSnapshot | null) => void>;
  silent: boolean;
  why: MeshError | null;
}

type Phase =
  /** Before the first life, and after the last. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'alive'; readonly life: Life; serving: boolean }
  /** Between two lives. */
  | { readonly kind: 'resting'; readonly timer: Timer };

/** The place of one worker, at which one life of its thread follows another. */
export class Seat {
  readonly #parts: SeatParts;
  #phase: Phase = { kind: 'empty' };
  #falls = 0;
  #closing = false;
  #questions = 0;
  /** What lives before this one counted. */
  #counted: MetricsSnapshot | null = null;
  #last: MetricsSnapshot | null = null;

  constructor(parts: SeatParts) {
    this.#parts = parts;
  }

  get worker(): number {
    return this.#parts.worker;
  }

  /** Whether it takes calls, as far as is known. */
  get isServing(): boolean {
    return this.#phase.kind === 'alive' && this.#phase.serving;
  }

  /** Begins a life. */
  start(): void {
    const { clock, link, startThread, worker, setup } = this.#parts;
    const { port1, port2 } = new MessageChannel();
    const leave = link.join(worker, threadControlEnd(port1));
    const thread = startThread(
      { ...setup(), worker, link: port2 },
      { onMessage: (message) => this.#onMessage(life, message), onEnd: (error) => this.#onEnd(life, error) },
    );
    const life: Life = {
      thread,
      startedMs: clock.monotonicMs(),
      leave: () => {
        leave();
        port1.close();
      },
      waits: new Map(),
      measures: new Map(),
      silent: false,
      why: null,
    };
    this.#phase = { kind: 'alive', life, serving: false };
  }

  /** Tells the life something; nothing where there is none. */
  send(message: ToWorker): void {
    if (this.#phase.kind === 'alive') this.#phase.life.thread.send(message);
  }

  /**
   * Tells the life something and waits for its answer, which ends the life where it does not come within `withinMs`.
   *
   * @throws {MeshError} why it cannot, also when it ends
   */
  ask<Kind extends FromWorker['kind']>(
    message: ToWorker,
    answer: Kind,
    withinMs: DurationMs = START_TIMEOUT_MS,
  ): Promise<Answer<Kind>> {
    if (this.#phase.kind !== 'alive') return Promise.reject(new MeshError('unavailable', 'the worker is gone'));
    const { life } = this.#phase;
    const { promise, resolve, reject } = Promise.withResolvers<Answer<Kind>>();
    const late = this.#parts.clock.after(withinMs, () => {
      life.why ??= new MeshError('unavailable', `worker ${this.worker} did not say that it is ${answer} within ${withinMs} ms`);
      void life.thread.kill();
    });
    // The messages of a kind have that kind's type.
    life.waits.set(answer, { resolve: (said) => resolve(said as Answer<Kind>), reject });
    life.thread.send(message);
    return promise.finally(() => late.cancel());
  }

  /** It takes calls now: from here on it is watched. */
  serves(): void {
    if (this.#phase.kind === 'alive') this.#phase.serving = true;
  }

  /** It gave no sign of life for too long. */
  silent(): void {
    if (this.#phase.kind !== 'alive' || this.#phase.life.silent) return;
    const { life } = this.#phase;
    this.#phase.serving = false;
    life.silent = true;
    void life.thread.kill();
  }

  /** What this worker has measured, and what its earlier lives counted. */
  async measure(): Promise<readonly MetricsSnapshot[]> {
    const now = this.isServing ? await this.#measureNow() : null;
    this.#last = now ?? this.#last;
    return [this.#counted, this.#last].filter((snapshot) => snapshot !== null);
  }

  /** Ends in order; at once after `untilMs`. Resolves when nothing of it runs any more. */
  async close(message: Extract<ToWorker, { kind: 'close' }>, untilMs: DurationMs): Promise<void> {
    this.#closing = true;
    if (this.#phase.kind === 'resting') this.#phase.timer.cancel();
    if (this.#phase.kind !== 'alive') return;
    const { life, serving } = this.#phase;
    // Whatever it says or does not say, it ends now.
    if (serving) await this.ask(message, 'closed', untilMs).catch(() => undefined);
    await life.thread.kill();
  }

  #measureNow(): Promise<MetricsSnapshot | null> {
    if (this.#phase.kind !== 'alive') return Promise.resolve(null);
    const { life } = this.#phase;
    this.#questions += 1;
    const request = this.#questions;
    const { promise, resolve } = Promise.withResolvers<MetricsSnapshot | null>();
    const late = this.#parts.clock.after(MEASURE_TIMEOUT_MS, () => answered(null));
    const answered = (metrics: MetricsSnapshot | null): void => {
      late.cancel();
      life.measures.delete(request);
      resolve(metrics);
    };
    life.measures.set(request, answered);
    life.thread.send({ kind: 'measure', request });
    return promise;
  }

  #onMessage(life: Life, message: FromWorker): void {
    switch (message.kind) {
      case 'log':
        this.#parts.writeLog(message.text);
        return;
      case 'measured':
        life.measures.get(message.request)?.(message.metrics);
        return;
      case 'strategy':
        this.#parts.onStrategy(message.news);
        return;
      case 'shed':
        this.#parts.onShed(message.done);
        return;
      case 'failed':
        life.why = errorOf(message.error);
        return;
      default: {
        const wait = life.waits.get(message.kind);
        life.waits.delete(message.kind);
        wait?.resolve(message);
      }
    }
  }

  #onEnd(life: Life, error: unknown): void {
    const { clock, log, worker, onGone, onFall } = this.#parts;
    const why = life.why ?? (error === undefined ? null : toMeshError(error));
    if (this.#phase.kind === 'alive' && this.#phase.life === life) this.#phase = { kind: 'empty' };
    life.leave();
    onGone();
    this.#keepCounted();
    for (const answered of life.measures.values()) answered(null);
    for (const { reject } of life.waits.values()) reject(why ?? new MeshError('unavailable', `worker ${worker} ended`));
    if (this.#closing) return;
    const { falls, pauseMs } = nextStart(this.#falls, durationMs(clock.monotonicMs() - life.startedMs));
    this.#falls = falls;
    const reason: FallReason = life.silent ? 'silent' : 'ended';
    const because = life.silent ? 'it gave no sign of life' : (why?.message ?? 'its thread ended');
    log.error('worker-replaced', `worker ${worker} is started again in ${pauseMs} ms: ${because}`, {
      worker,
      reason,
      pauseMs,
      error: life.silent ? undefined : (error ?? why),
    });
    onFall(reason);
    this.#phase = { kind: 'resting', timer: clock.after(pauseMs, () => this.#restart()) };
  }

  #restart(): void {
    const { log, worker, begin } = this.#parts;
    this.start();
    if (this.#phase.kind !== 'alive') return;
    const { life } = this.#phase;
    begin().then(
      () => log.info('worker-started', `worker ${worker} takes calls again`, { worker }),
      (error: unknown) => {
        life.why ??= toMeshError(error);
        void life.thread.kill();
      },
    );
  }

  /** What it counted since the last page is lost with it. */
  #keepCounted(): void {
    const last = this.#last;
    this.#last = null;
    if (last === null) return;
    const counted = countedIn(last);
    this.#counted = this.#counted === null ? counted : sumOf([this.#counted, counted]);
  }
}

const errorOf = ({ kind, message, retryAfterMs }: ErrorFacts): MeshError =>
  new MeshError(kind, message, retryAfterMs === null ? {} : { retryAfterMs });
