import { type Clock, type DurationMs, durationMs, type Timer } from '@modelmesh/core';
import { GrpcClient, GrpcStatusError } from '@modelmesh/grpc/call';
import type { ClientConnection, ConnectTarget, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { type RuntimeStatusResponse, RuntimeStatusResponse_Status } from '@modelmesh/wire/mmesh';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { LEGACY_RUNTIME_CONTRACT, RUNTIME_CONTRACT, type RuntimeContract } from './runtime-contract.ts';

/** Pause between looks for a runtime that is not there or not READY: short at first, since most runtimes start within a second. */
const LOOK_PAUSE_MIN_MS = durationMs(20);
const LOOK_PAUSE_MAX_MS = durationMs(2000);
const STATUS_TIMEOUT_MS = durationMs(10_000);
/** How often a runtime that is ready is pinged, and how many periods on end it may leave pings unanswered before it counts as gone. */
export const RUNTIME_PING_PERIOD_MS = durationMs(2000);
export const RUNTIME_SILENT_PERIODS_MAX = 15;
/** The largest answer of a management call. */
const MANAGEMENT_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** What a link tells its owner. */
export interface RuntimeLinkSink {
  /** The runtime said READY on a new connection; `contract` is the one that it serves. */
  onReady(client: GrpcClient, contract: RuntimeContract, status: RuntimeStatusResponse, target: ConnectTarget): void;
  /** A connection that was ready is gone. The link goes on looking. */
  onLost(message: string): void;
  /** It is connected and answers nothing: lost, and to be ended if it is ours. The link goes on looking. */
  onSilent(message: string): void;
  /** The runtime will not become ready by itself. */
  onFailing(message: string): void;
}

/** One connection on which a runtime is asked whether it is READY. */
interface Question {
  readonly connection: ClientConnection;
  readonly target: ConnectTarget;
  readonly client: GrpcClient;
  readonly contract: RuntimeContract;
}

/** What a link is made of. */
export interface RuntimeLinkOptions {
  readonly engine: StreamEngine;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  /** Asked in turn until one is READY. */
  readonly targets: readonly ConnectTarget[];
}

/**
 * Looks for a runtime until it is READY, and again whenever its connection is lost: one connection is one epoch of the runtime.
 *
 * `runtimeStatus` is asked at the start of an epoch only, never as a health check: the contract makes a runtime purge its models there
 * (spec `modelmesh.md` §1.3). Health is the connection, and pings on it, which even a runtime whose models all compute has to answer.
 */
export class RuntimeLink {
  readonly #options: RuntimeLinkOptions;
  readonly #sink: RuntimeLinkSink;
  #connection: ClientConnection | undefined;
  #timer: Timer | undefined;
  #pings: Timer | undefined;
  #turn = 0;
  #pauseMs: DurationMs = LOOK_PAUSE_MIN_MS;
  #closed = false;

  constructor(options: RuntimeLinkOptions, sink: RuntimeLinkSink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Begins to look. */
  start(): void {
    this.#look();
  }

  /** Ends the present epoch and looks for the next one. Without a connection it is looking already. */
  renew(message: string): void {
    const connection = this.#connection;
    if (connection === undefined || connection.state.kind !== 'ready') return;
    this.#sink.onLost(message);
    this.#again(connection);
  }

  /** Looks no more, and says nothing more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#pings?.cancel();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  #look(): void {
    const { targets, engine, limits } = this.#options;
    const target = targets[this.#turn % targets.length];
    this.#turn += 1;
    if (target === undefined || this.#closed) return;
    const connection = engine.connect(target, limits);
    this.#connection = connection;
    let asked = false;
    connection.onState = (state) => {
      if (this.#connection !== connection) return;
      if (state.kind === 'ready' && !asked) {
        asked = true;
        this.#firstAsk(connection, target);
      } else if (state.kind === 'failed' || (asked && state.kind === 'idle')) {
        this.#again(connection);
      }
    };
    connection.connect();
  }

  #firstAsk(connection: ClientConnection, target: ConnectTarget): void {
    const { clock, timers } = this.#options;
    const authority = target.kind === 'unix' ? 'localhost' : `${target.host}:${target.port}`;
    const client = new GrpcClient(connection, { clock, timers, authority, messageBytesMax: MANAGEMENT_MESSAGE_BYTES_MAX });
    this.#ask({ connection, target, client, contract: RUNTIME_CONTRACT });
  }

  #ask(question: Question): void {
    const { client, contract } = question;
    client.call(contract.runtimeStatus, {}, { timeoutMs: STATUS_TIMEOUT_MS }).then(
      (status) => this.#answered(question, status),
      (error: unknown) => this.#refused(question, error),
    );
  }

  #answered(question: Question, status: RuntimeStatusResponse): void {
    const { connection, target, client, contract } = question;
    if (this.#connection !== connection) return;
    switch (status.status) {
      case RuntimeStatusResponse_Status.READY: {
        this.#pauseMs = LOOK_PAUSE_MIN_MS;
        connection.onState = (state) => {
          if (this.#connection !== connection || state.kind === 'ready') return;
          const message = state.kind === 'failed' ? state.message : 'the connection to the runtime was lost';
          this.#sink.onLost(message);
          this.#again(connection);
        };
        this.#sink.onReady(client, contract, status, target);
        this.#watch(connection);
        return;
      }
      case RuntimeStatusResponse_Status.FAILING:
        this.#sink.onFailing('the runtime says that it is FAILING');
        return;
      default:
        this.#later(() => this.#ask(question));
    }
  }

  /**
   * Pings until the connection is another; a runtime that is silent for too long is treated as one whose connection was lost.
   * Periods are counted, not time: a node that was itself stopped for a minute must not blame its runtime.
   */
  #watch(connection: ClientConnection): void {
    const { clock } = this.#options;
    let silentPeriods = 0;
    const ping = (): void => {
      if (this.#connection !== connection) return;
      if (silentPeriods === RUNTIME_SILENT_PERIODS_MAX) {
        const seconds = (RUNTIME_SILENT_PERIODS_MAX * RUNTIME_PING_PERIOD_MS) / 1000;
        this.#sink.onSilent(`the runtime has answered no ping for ${seconds} s`);
        this.#again(connection);
        return;
      }
      silentPeriods += 1;
      connection.ping((roundTripMs) => {
        if (roundTripMs !== null) silentPeriods = 0;
      });
      this.#pings = clock.after(RUNTIME_PING_PERIOD_MS, ping);
    };
    this.#pings?.cancel();
    this.#pings = clock.after(RUNTIME_PING_PERIOD_MS, ping);
  }

  #refused(question: Question, error: unknown): void {
    const { connection, contract } = question;
    if (this.#connection !== connection) return;
    if (error instanceof GrpcStatusError && error.code === GRPC_CODE.UNIMPLEMENTED) {
      if (contract === RUNTIME_CONTRACT) this.#ask({ ...question, contract: LEGACY_RUNTIME_CONTRACT });
      else this.#sink.onFailing('what answers at the address of the runtime does not serve mmesh.ModelRuntime');
      return;
    }
    this.#again(connection);
  }

  #again(connection: ClientConnection): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection.close();
    this.#later(() => this.#look());
  }

  #later(then: () => void): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(this.#pauseMs, then);
    this.#pauseMs = durationMs(Math.min(LOOK_PAUSE_MAX_MS, this.#pauseMs * 1.5));
  }
}
