import { type Clock, durationMs, MeshError, type Timer } from '@modelmesh/core';
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
  readonly #waitersMax: number;
  readonly #waiters = new Set<RuntimeWaiter>();
  #access: RuntimeAccess | undefined;
  #connection: ClientConnection | undefined;
  #target: ConnectTarget | undefined;
  #retry: Timer | undefined;

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

  /** Calls that wait now. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Control: the runtime is up, or is up again as another process. A connection that still works is kept, with the calls on it. */
  up(access: RuntimeAccess): void {
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
      if (state.kind === 'ready') this.#wakeAll();
      if (state.kind === 'failed' && this.#waiters.size > 0) this.#reconnectSoon(connection);
    };
    this.#connection = connection;
    connection.connect();
    before?.close();
  }

  /** Control: the runtime is gone. Nothing new is sent; calls that wait go on waiting for `up`, or for their deadline. */
  down(): void {
    this.#access = undefined;
    this.#retry?.cancel();
  }

  /** Sends a request; `undefined` while the runtime is down. */
  open(headers: HeaderBlock, end: boolean, handler: StreamHandler): ByteStream | undefined {
    return this.#access === undefined ? undefined : this.#connection?.open(headers, end, handler);
  }

  /** Waits until the runtime can be reached again. @throws {MeshError} `overloaded` beyond the limit. */
  wait(waiter: RuntimeWaiter): void {
    if (this.#waiters.size >= this.#waitersMax) {
      const message = `${this.#waitersMax} calls wait already for the runtime to come back; try again later`;
      throw new MeshError('overloaded', message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#waiters.add(waiter);
    const connection = this.#connection;
    if (connection !== undefined) this.#reconnectSoon(connection);
  }

  /** Stops waiting. */
  leave(waiter: RuntimeWaiter): void {
    this.#waiters.delete(waiter);
  }

  /** The node shuts down. */
  close(): void {
    this.down();
    this.#connection?.close();
    this.#connection = undefined;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.onRuntimeWaitFailed(new MeshError('unavailable', 'the node is shutting down'));
  }

  #reconnectSoon(connection: ClientConnection): void {
    this.#retry?.cancel();
    this.#retry = this.#clock.after(RECONNECT_PAUSE_MS, () => {
      if (this.#connection !== connection) return;
      if (connection.state.kind === 'ready') this.#wakeAll();
      else connection.connect();
    });
  }

  #wakeAll(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.onRuntimeBack();
  }
}

function sameTarget(a: ConnectTarget, b: ConnectTarget): boolean {
  if (a.kind === 'unix') return b.kind === 'unix' && a.path === b.path;
  return b.kind === a.kind && a.host === b.host && a.port === b.port;
}
