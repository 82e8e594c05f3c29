/** What control and a worker's thread say to each other besides the link: all of it structured-cloneable. */
import type { MessagePort } from 'node:worker_threads';
import type { DurationMs } from '@modelmesh/core';
import type { Config, ListenerConfig } from '../config/index.ts';
import type { CounterMemory, ErrorFacts } from '../link/index.ts';
import type { MetricsSnapshot } from '../metrics/index.ts';
import type { ParameterOverrides } from '../node/index.ts';
import type { Introduction } from '../peer/index.ts';
import type { PickSetup, StrategyNews } from '../plugins/index.ts';
import type { TokenKeys } from '../tokens/index.ts';

/** A port that a worker opens for clients. */
export interface WorkerListener {
  readonly config: ListenerConfig;
  /** Unix socket at which control answers what arrives here and is no inference. */
  readonly relayPath: string;
  /** gRPC methods that control answers, as paths with their slash. */
  readonly relayed: readonly string[];
}

/** The port between nodes, at a worker. */
export interface WorkerPeerPort {
  readonly host: string;
  readonly port: number;
  readonly relayPath: string;
}

/** What a worker's thread is started with. */
export interface WorkerSetup {
  readonly worker: number;
  /** Threads that share the node's bounds. */
  readonly workers: number;
  /** The configuration in force. */
  readonly config: Config;
  readonly parameters: ParameterOverrides;
  readonly tokenKeys: TokenKeys;
  /** Strategies of plug-ins in the path of requests. */
  readonly picks: PickSetup;
  readonly counters: CounterMemory;
  readonly board: SharedArrayBuffer;
  /** Counters of the limits of HTTP/2. */
  readonly limitCounters: SharedArrayBuffer;
  readonly link: MessagePort;
  /** How this node introduces itself to others; `null`: it is alone. */
  readonly self: Introduction | null;
  /** Shows control that a stream was relayed by a worker. */
  readonly relayWord: string;
  /** Whether several threads open the same port. */
  readonly sharesPorts: boolean;
}

/** Where a worker listens; port 0 was replaced by the one that was found. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Control → worker. */
export type ToWorker =
  /** Opens the port between nodes. Answered by `peers-open`. */
  | { readonly kind: 'open-peers'; readonly port: WorkerPeerPort }
  /** Takes calls, once it has a table of routes. Answered by `serving`. */
  | { readonly kind: 'serve'; readonly listeners: readonly WorkerListener[] }
  | { readonly kind: 'reconfigure'; readonly config: Config }
  | { readonly kind: 'parameters'; readonly parameters: ParameterOverrides }
  /** Other keys of tokens are in force. */
  | { readonly kind: 'token-keys'; readonly keys: TokenKeys }
  /** Sends GOAWAY on one connection. Answered by `shed`. */
  | { readonly kind: 'shed'; readonly othersMean: number }
  /** Answered by `measured`. */
  | { readonly kind: 'measure'; readonly request: number }
  /** Takes no more calls: those in flight have `graceMs`, bodies that are not complete `incompleteMs`. Answered by `closed`. */
  | { readonly kind: 'close'; readonly graceMs: DurationMs; readonly incompleteMs: DurationMs };

/** Worker → control. */
export type FromWorker =
  | { readonly kind: 'peers-open'; readonly place: Place }
  | { readonly kind: 'serving'; readonly places: readonly Place[] }
  /** It cannot be started; the thread ends. */
  | { readonly kind: 'failed'; readonly error: ErrorFacts }
  /** Lines of the log, each with its end. */
  | { readonly kind: 'log'; readonly text: string }
  /** Something happened to a strategy of a plug-in. */
  | { readonly kind: 'strategy'; readonly news: StrategyNews }
  | { readonly kind: 'shed'; readonly done: boolean }
  | { readonly kind: 'measured'; readonly request: number; readonly metrics: MetricsSnapshot }
  | { readonly kind: 'closed' };
