import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type DurationMs, durationMs } from '@modelmesh/core';
import type { AcceptStream, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { Config, ListenerConfig } from '../config/index.ts';
import { listen, type RunningListener } from '../dataplane/index.ts';
import {
  type ControlEnd,
  type CounterMemory,
  createInProcessLink,
  type DataPlaneEnd,
  type LimitCounters,
  WorkersLink,
} from '../link/index.ts';
import type { Log } from '../log/index.ts';
import type { ParameterOverrides } from '../node/index.ts';
import type { Introduction } from '../peer/index.ts';
import type { PickSetup, StrategyNews } from '../plugins/index.ts';
import { acceptRelayed, createRelayEngine } from '../relay/index.ts';
import type { TokenKeys } from '../tokens/index.ts';
import { relayLimits } from '../worker/index.ts';
import { type Place, startThreads, type WorkerListener, WorkerPool } from '../workers/index.ts';
import type { Doors } from './doors.ts';
import type { PeersBehind } from './peer-port.ts';

/** How many threads the data plane has besides control's: none where its one worker shares that. */
export function threadsWanted(
  { workers, workerThreads }: Pick<Config, 'workers' | 'workerThreads'>,
  log: Log,
  platform: string = process.platform,
): number {
  if (workers === 1) return workerThreads === 'always' ? 1 : 0;
  if (platform === 'linux') return workers;
  log.warn('one-worker', `ports are shared by several workers on Linux alone: this node has one worker, not ${workers}`);
  return workerThreads === 'always' ? 1 : 0;
}

/** The links of control: to the worker in its own thread, and to those that have others. */
export interface Links {
  readonly control: ControlEnd;
  /** Of the worker in control's thread; the last one, where there are others. */
  readonly home: DataPlaneEnd;
  readonly workers: WorkersLink | null;
}

/** The links to `threads` workers besides the one in this thread. */
export function makeLinks(threads: number): Links {
  const { control, dataPlane: home } = createInProcessLink();
  if (threads === 0) return { control, home, workers: null };
  const workers = new WorkersLink(threads + 1);
  workers.join(threads, control);
  return { control: workers, home, workers };
}

/** What the threads of a node are made of. */
export interface ThreadsParts {
  readonly threads: number;
  readonly config: Config;
  readonly log: Log;
  readonly writeLog: (text: string) => void;
  readonly streamLimits: StreamLimits;
  readonly clock: Clock;
  readonly link: WorkersLink;
  readonly counters: CounterMemory;
  readonly limitCounters: LimitCounters;
  readonly self: Introduction | null;
  readonly tokenKeys: TokenKeys;
  readonly picks: PickSetup;
  /** Something happened to a strategy of a plug-in. */
  readonly onStrategy: (news: StrategyNews) => void;
  /** A word that nobody can guess. */
  readonly relayWord: string;
}

/** A listener at every thread. */
export interface ThreadListeners {
  readonly places: readonly Place[];
  /** Unix sockets of this process at which control answers. */
  readonly relays: readonly RunningListener[];
}

/** The threads of the data plane and what joins them to control's, besides the link. */
export class Threads {
  readonly pool: WorkerPool;
  readonly #parts: ThreadsParts;
  readonly #folder: string;
  readonly #engine: StreamEngine;
  #relays = 0;

  constructor(parts: ThreadsParts) {
    const { threads: workers, config, log, writeLog, clock, link, counters, self, relayWord } = parts;
    this.#parts = parts;
    this.#engine = createRelayEngine(clock);
    // Nobody else may look into it.
    this.#folder = mkdtempSync(join(tmpdir(), 'mesh-relay-'));
    this.pool = new WorkerPool({
      workers,
      startThread: startThreads(workerProgram()),
      clock,
      log,
      link,
      counters,
      limitCounters: parts.limitCounters.buffer,
      config,
      tokenKeys: parts.tokenKeys,
      picks: parts.picks,
      onStrategy: parts.onStrategy,
      relayWord,
      self,
      writeLog,
    });
    this.pool.start();
  }

  /** Where the port between nodes is opened, and its questions to control are relayed. */
  get peers(): PeersBehind {
    return {
      relayPath: this.#relayPath(),
      relayWord: this.#parts.relayWord,
      engine: this.#engine,
      open: (port) => this.pool.openPeers(port),
    };
  }

  /** Opens listeners at every thread. @throws {MeshError} as `listen` */
  async serve(listeners: readonly { readonly config: ListenerConfig; readonly doors: Doors }[]): Promise<ThreadListeners> {
    const relays: RunningListener[] = [];
    try {
      const wanted: WorkerListener[] = [];
      for (const { config, doors } of listeners) {
        const relayPath = this.#relayPath();
        relays.push(await this.#relay(relayPath, doors.acceptRelayed));
        wanted.push({ config, relayPath, relayed: doors.methods });
      }
      return { places: await this.pool.serve(wanted), relays };
    } catch (error) {
      for (const relay of relays) await relay.close(durationMs(0));
      throw error;
    }
  }

  reconfigure(config: Config): void {
    this.pool.reconfigure(config);
  }

  parametersChanged(parameters: ParameterOverrides): void {
    this.pool.parametersChanged(parameters);
  }

  useTokenKeys(keys: TokenKeys): void {
    this.pool.useTokenKeys(keys);
  }

  /** Ends the threads in order. What is relayed can be answered until they have ended. */
  close(graceMs: DurationMs, incompleteMs: DurationMs): Promise<void> {
    return this.pool.close(graceMs, incompleteMs);
  }

  /** Everything is closed. */
  removeFolder(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #relayPath(): string {
    this.#relays += 1;
    return join(this.#folder, `${this.#relays}.sock`);
  }

  #relay(socketPath: string, accept: AcceptStream): Promise<RunningListener> {
    const { config, clock, log, relayWord, streamLimits } = this.#parts;
    return listen({
      config: { roles: new Set(), host: '', port: 0, socketPath, tls: false },
      tls: null,
      limits: { ...config.limits, connectionAgeMaxMs: null, connectionAgeGraceMs: null },
      streamLimits: relayLimits(streamLimits),
      engine: this.#engine,
      clock,
      log,
      handlers: {
        accept: acceptRelayed(relayWord, accept),
        onRequest: (_request, response) => void response.writeHead(404).end(),
      },
    });
  }
}

/** The program that each thread runs, in the form in which this one runs. */
function workerProgram(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? '../worker-main.ts' : '../worker-main.js', import.meta.url);
}
