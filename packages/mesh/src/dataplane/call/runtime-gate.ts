import { type Clock, durationMs, MeshError, type Timer, toMeshError } from '@modelmesh/core';
import type {
  ByteStream,
  ClientConnection,
  ConnectTarget,
  HeaderBlock,
  StreamEngine,
  StreamHandler,
  StreamLimits,
} from '@modelmesh/grpc/stream';
import type { RuntimeAccess } from '../../link/index.ts';
import { shuttingDown } from './locator.ts';

/** A call that waits for the runtime to come back. Told exactly once, unless it left before. */
export interface RuntimeWaiter {
  onRuntimeBack(): void;
  onRuntimeWaitFailed(error: MeshError): void;
}

/** Pause between attempts to reach a runtime that calls wait for. */
const RECONNECT_PAUSE_MS = durationMs(50);
const RETRY_AFTER_MS = durationMs(1000);

/** The data plane's way to the runtime: one connection, and the calls that wait while there is none. */
export class RuntimeGate {
  readonly #engine: StreamEngine;
  readonly #limits: StreamLimits;
  readonly #clock: Clock;
  #waitersMax: number;
  readonly #waiters = new Set<RuntimeWaiter>();
  #access: RuntimeAccess | undefined;
  #connection: ClientConnection | undefined;
  #target: ConnectTarget | undefined;
  #retry: Timer | undefined;
  /** Why nothing will come of waiting. */
  #gone: MeshError | undefined;

  constructor(engine: StreamEngine, limits: StreamLimits, clock: Clock, waitersMax: number) {
    this.#engine = engine;
    this.#limits = limits;
    this.#clock = clock;
    this.#waitersMax = waitersMax;
  }

  /** What control said of the runtime that is up; `undefined` while it is down. */
  get access(): RuntimeAccess | undefined {
    return this.#access;
  }

  /** Another bound for calls that wait from now on. */
  setWaitersMax(waitersMax: number): void {
    this.#waitersMax = waitersMax;
  }

  /** Calls that wait now. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Control: the runtime is up, or is up again as another process. A connection that still works is kept, with the calls on it. */
  up(access: RuntimeAccess): void {
    this.#gone = undefined;
    this.#access = access;
    const before = this.#connection;
    const alive = before?.state.kind === 'ready' || before?.state.kind === 'connecting';
    if (before !== undefined && alive && this.#target !== undefined && sameTarget(this.#target, access.target)) {
      if (before.state.kind === 'ready') this.#wakeAll();
      return;
    }
    this.#target = access.target;
    const connection = this.#engine.connect(access.target, this.#limits);
    connection.onState = (state) => {
      if (this.#connection !== connection) return;
      if (state.kind === 'ready' && this.#access !== undefined) this.#wakeAll();
      if (state.kind === 'failed' && this.#waiters.size > 0) this.#retrySoon();
    };
    this.#connection = connection;
    connection.connect();
    before?.close();
  }

  /**
   * Control: the runtime is gone. Nothing new is sent. While it is `restarting` calls go on waiting for `up`, or for their deadline; otherwise
   * they end with `message`.
   */
  down(restarting: boolean, message: string): void {
    this.#access = undefined;
    this.#stopRetrying();
    if (!restarting) this.#giveUp(new MeshError('unavailable', message));
  }

  /**
   * Sends a request, or queues it while the runtime takes no more streams; `undefined` while the runtime is down.
   *
   * @throws {MeshError} `overloaded` beyond the queue's limit
   */
  open(headers: HeaderBlock, end: boolean, handler: StreamHandler): ByteStream | undefined {
    if (this.#access === undefined) return undefined;
    try {
      return this.#connection?.open(headers, end, handler);
    } catch (error) {
      const cause = toMeshError(error);
      if (cause.kind !== 'overloaded') throw cause;
      // The engine names its own limit and where it dials; the caller is told what was configured.
      const sentence = `${this.#limits.queuedStreamsMax} calls wait already until the runtime takes more (limits.runtimeQueueMax); try again later`;
      throw new MeshError('overloaded', sentence, { retryAfterMs: RETRY_AFTER_MS, cause });
    }
  }

  /** Waits until the runtime can be reached again. @throws {MeshError} `overloaded` beyond the limit, `unavailable` if it will not come back. */
  wait(waiter: RuntimeWaiter): void {
    if (this.#gone !== undefined) throw this.#gone;
    if (this.#waiters.size >= this.#waitersMax) {
      const message = `${this.#waitersMax} calls wait already for the runtime to come back; try again later`;
      throw new MeshError('overloaded', message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#waiters.add(waiter);
    this.#retrySoon();
  }

  /** Stops waiting. */
  leave(waiter: RuntimeWaiter): void {
    this.#waiters.delete(waiter);
  }

  /** The node shuts down. */
  close(): void {
    this.#access = undefined;
    this.#stopRetrying();
    const connection = this.#connection;
    this.#connection = undefined;
    this.#giveUp(shuttingDown());
    connection?.close();
  }

  /** Looks again after a pause, whoever comes meanwhile; not before control says that the runtime is up. */
  #retrySoon(): void {
    if (this.#retry !== undefined || this.#access === undefined) return;
    this.#retry = this.#clock.after(RECONNECT_PAUSE_MS, () => {
      this.#retry = undefined;
      if (this.#connection?.state.kind === 'ready') this.#wakeAll();
      else this.#connection?.connect();
    });
  }

  #stopRetrying(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  #giveUp(error: MeshError): void {
    this.#gone = error;
    for (const waiter of this.#takeWaiters()) waiter.onRuntimeWaitFailed(error);
  }

  #takeWaiters(): RuntimeWaiter[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }

  #wakeAll(): void {
    for (const waiter of this.#takeWaiters()) waiter.onRuntimeBack();
  }
}

function sameTarget(a: ConnectTarget, b: ConnectTarget): boolean {
  if (a.kind === 'unix') return b.kind === 'unix' && a.path === b.path;
  return b.kind === a.kind && a.host === b.host && a.port === b.port;
}
