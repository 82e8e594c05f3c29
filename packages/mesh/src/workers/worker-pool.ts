import { type Clock, type DurationMs, durationMs, type Timer } from '@modelmesh/core';
import { type Balance, LOOK_EVERY_MS, look, NO_BALANCE, NO_WATCH, shedBy, type Watch, weigh } from '@modelmesh/core/workers';
import type { Config } from '../config/index.ts';
import { type CounterMemory, SlotCounters, type WorkersLink } from '../link/index.ts';
import type { Log } from '../log/index.ts';
import type { MetricsSnapshot, WorkerFigures } from '../metrics/index.ts';
import type { ParameterOverrides } from '../node/index.ts';
import type { TokenKeys } from '../tokens/index.ts';
import { allocateBoard, Board } from './board.ts';
import type { Place, WorkerListener, WorkerPeerPort, WorkerSetup } from './messages.ts';
import type { StartThread } from './port.ts';
import { holdPort, nameOpenPort, type PortHold } from './port-hold.ts';
import { type FallReason, Seat, type SeatParts } from './seat.ts';

/** How much longer than it was given a worker may take to end. */
const CLOSE_SLACK_MS: DurationMs = durationMs(3000);

/** What a pool of workers needs. */
export interface WorkerPoolParts {
  /** At least one. */
  readonly workers: number;
  readonly startThread: StartThread;
  readonly clock: Clock;
  readonly log: Log;
  readonly link: WorkersLink;
  /** With a place for each worker. */
  readonly counters: CounterMemory;
  readonly limitCounters: SharedArrayBuffer;
  readonly config: Config;
  readonly tokenKeys: TokenKeys;
  readonly picks: WorkerSetup['picks'];
  /** Something happened to a strategy of a plug-in. */
  readonly onStrategy: SeatParts['onStrategy'];
  readonly relayWord: string;
  readonly self: WorkerSetup['self'];
  /** Takes lines of the log. */
  readonly writeLog: (text: string) => void;
}

/** The threads of the data plane: started together, watched, replaced, balanced, ended together. */
export class WorkerPool {
  readonly #parts: WorkerPoolParts;
  readonly #board: Board;
  readonly #boardMemory: SharedArrayBuffer;
  readonly #counters: SlotCounters;
  readonly #seats: readonly Seat[];
  readonly #holds: PortHold[] = [];
  readonly #falls = new Map<FallReason, number>([
    ['silent', 0],
    ['ended', 0],
  ]);
  #config: Config;
  #parameters: ParameterOverrides = {};
  #tokenKeys: TokenKeys;
  #peers: WorkerPeerPort | null = null;
  #listeners: readonly WorkerListener[] = [];
  #watch: Watch = NO_WATCH;
  #balance: Balance = NO_BALANCE;
  #shed = 0;
  /** Who was asked to shed a connection and has not answered. */
  #asked: Seat | null = null;
  #looking: Timer | undefined;

  constructor(parts: WorkerPoolParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#tokenKeys = parts.tokenKeys;
    this.#boardMemory = allocateBoard(parts.workers);
    this.#board = new Board(this.#boardMemory);
    this.#counters = new SlotCounters(parts.counters);
    this.#seats = Array.from({ length: parts.workers }, (_, worker) => this.#seatOf(worker));
  }

  /** Begins to start the threads. */
  start(): void {
    for (const seat of this.#seats) seat.start();
  }

  /** Opens the port between nodes at every worker. @throws {MeshError} as `listen` */
  async openPeers(port: WorkerPeerPort): Promise<Place> {
    const [place = port] = await this.#openAtAll([port], async (seat, [peers = port]) => {
      const { place: opened } = await seat.ask({ kind: 'open-peers', port: { ...port, ...peers } }, 'peers-open');
      return [opened];
    });
    this.#peers = { ...port, port: place.port };
    return place;
  }

  /** Has every worker take calls; control must answer by now. Tells where each listener is. @throws {MeshError} as `listen` */
  async serve(listeners: readonly WorkerListener[]): Promise<readonly Place[]> {
    const at = (places: readonly Place[]): readonly WorkerListener[] =>
      listeners.map((one, index) => ({ ...one, config: { ...one.config, port: places[index]?.port ?? one.config.port } }));
    const wanted = listeners.map(({ config }) => config);
    const places = await this.#openAtAll(wanted, async (seat, found) => {
      const { places: opened } = await seat.ask({ kind: 'serve', listeners: at(found) }, 'serving');
      return opened;
    });
    this.#listeners = at(places);
    for (const seat of this.#seats) seat.serves();
    this.#lookLater();
    return places;
  }

  /** Takes over what may change while the node runs. */
  reconfigure(config: Config): void {
    this.#config = config;
    for (const seat of this.#seats) seat.send({ kind: 'reconfigure', config });
  }

  /** Operators changed something. */
  parametersChanged(parameters: ParameterOverrides): void {
    this.#parameters = parameters;
    for (const seat of this.#seats) seat.send({ kind: 'parameters', parameters });
  }

  /** Other keys of tokens are in force. */
  useTokenKeys(keys: TokenKeys): void {
    this.#tokenKeys = keys;
    for (const seat of this.#seats) seat.send({ kind: 'token-keys', keys });
  }

  /** What all workers have measured. */
  async measure(): Promise<readonly MetricsSnapshot[]> {
    return (await Promise.all(this.#seats.map((seat) => seat.measure()))).flat();
  }

  /** Whether at least one worker takes calls. */
  get isServing(): boolean {
    return this.#seats.some(({ isServing }) => isServing);
  }

  figures(): WorkerFigures {
    return { streams: this.#balance.loads, restarts: this.#falls, connectionsShed: this.#shed };
  }

  /** Lets calls end for `graceMs` and bodies that are not complete come for `incompleteMs`, then ends every thread. */
  async close(graceMs: DurationMs, incompleteMs: DurationMs): Promise<void> {
    this.#looking?.cancel();
    const untilMs = durationMs(graceMs + CLOSE_SLACK_MS);
    await Promise.all(this.#seats.map((seat) => seat.close({ kind: 'close', graceMs, incompleteMs }, untilMs)));
    for (const hold of this.#holds.splice(0)) hold.release();
  }

  #seatOf(worker: number): Seat {
    const { clock, log, link, startThread, writeLog, workers, counters, limitCounters, relayWord, self } = this.#parts;
    const seat: Seat = new Seat({
      worker,
      clock,
      log,
      link,
      startThread,
      writeLog,
      setup: () => ({
        workers,
        config: this.#config,
        parameters: this.#parameters,
        tokenKeys: this.#tokenKeys,
        picks: this.#parts.picks,
        counters,
        limitCounters,
        board: this.#boardMemory,
        relayWord,
        self,
        sharesPorts: workers > 1,
      }),
      onGone: () => {
        if (this.#asked === seat) this.#asked = null;
        this.#counters.forgetCalls(worker);
        this.#board.clear(worker);
      },
      onFall: (reason) => this.#falls.set(reason, (this.#falls.get(reason) ?? 0) + 1),
      begin: () => this.#begin(seat),
      onStrategy: this.#parts.onStrategy,
      onShed: (done) => this.#wasShed(worker, done),
    });
    return seat;
  }

  /** Brings a later life of a worker to where the others are. */
  async #begin(seat: Seat): Promise<void> {
    if (this.#peers !== null) await seat.ask({ kind: 'open-peers', port: this.#peers }, 'peers-open');
    await seat.ask({ kind: 'serve', listeners: this.#listeners }, 'serving');
    seat.serves();
  }

  /** The first worker finds ports that are left open, the others take the same. */
  async #openAtAll(
    wanted: readonly Place[],
    open: (seat: Seat, places: readonly Place[]) => Promise<readonly Place[]>,
  ): Promise<readonly Place[]> {
    const [first, ...others] = this.#seats;
    if (first === undefined) return [];
    const shares = others.length > 0;
    if (shares) for (const { host, port } of wanted) if (port !== 0) this.#holds.push(await holdPort({ host, port }));
    const opened = await open(first, wanted);
    const places = wanted.map(({ host, port }, index) => ({ host, port: opened[index]?.port ?? port }));
    for (const [index, place] of places.entries())
      if (shares && wanted[index]?.port === 0) this.#holds.push(await nameOpenPort(place));
    await Promise.all(others.map((seat) => open(seat, places)));
    return opened;
  }

  #lookLater(): void {
    this.#looking = this.#parts.clock.after(LOOK_EVERY_MS, () => {
      this.#lookLater();
      this.#look();
    });
  }

  #look(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const serving = this.#seats.filter(({ isServing }) => isServing);
    const { watch, silent } = look(
      this.#watch,
      new Map(serving.map(({ worker }) => [worker, this.#board.beatOf(worker)])),
      nowMs,
      new Map(serving.map(({ worker }) => [worker, this.#board.workBytesOf(worker)])),
    );
    this.#watch = watch;
    for (const worker of silent) this.#seats[worker]?.silent();
    const streams = new Map(serving.map(({ worker }) => [worker, this.#board.streamsOf(worker)]));
    const { balance, shed } = weigh(this.#balance, streams, nowMs);
    this.#balance = balance;
    const seat = shed === null ? undefined : this.#seats[shed.worker];
    if (shed === null || seat === undefined || this.#asked !== null) return;
    this.#asked = seat;
    seat.send({ kind: 'shed', othersMean: shed.othersMean });
  }

  #wasShed(worker: number, done: boolean): void {
    const { clock, log } = this.#parts;
    this.#asked = null;
    this.#balance = shedBy(this.#balance, worker, done, clock.monotonicMs());
    if (!done) return;
    this.#shed += 1;
    log.info('connection-shed', `worker ${worker} has too many streams: one of its connections is asked to end`, { worker });
  }
}
