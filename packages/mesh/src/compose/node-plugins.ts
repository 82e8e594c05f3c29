import type { Comparer } from '@modelmesh/core/traffic';
import type { Config } from '../config/index.ts';
import type { Log } from '../log/index.ts';
import type { StrategyFigures } from '../metrics/index.ts';
import { systemClock } from '../node/index.ts';
import {
  loadPlugins,
  type PickSetup,
  PickStrategies,
  type Plugins,
  pickSetup,
  StrategyBoard,
  type StrategyNews,
  startStrategyThread,
  WeightsStrategies,
} from '../plugins/index.ts';
import type { PluginNames } from './policy-wishes.ts';

/** News of one kind about one strategy become an event once in this time; metrics count them all. */
const NEWS_EVERY_MS = 60_000;

/** Takes events of the node. */
export interface EventSink {
  emit(event: { readonly kind: string; readonly message: string; readonly fields: Readonly<Record<string, string>> }): void;
}

/** The plug-ins of a node, loaded and put to work. */
export class NodePlugins {
  readonly names: PluginNames;
  readonly comparers: ReadonlyMap<string, Comparer>;
  /** For the workers in threads of their own. */
  readonly picks: PickSetup;
  /** For control. */
  readonly weights: WeightsStrategies;
  readonly #config: Config;
  readonly #log: Log;
  readonly #board: StrategyBoard;
  readonly #toldMs = new Map<string, number>();
  #home: PickStrategies | undefined;
  #events: EventSink | undefined;

  private constructor(config: Config, log: Log, { strategies, comparers }: Plugins) {
    this.#config = config;
    this.#log = log;
    this.names = { strategies: strategies.map(({ name }) => name), comparers: [...comparers.keys()] };
    this.comparers = comparers;
    this.picks = pickSetup(strategies);
    this.#board = new StrategyBoard(this.picks.strategies.length, this.picks.board);
    const { weightsWaitMaxMs: waitMaxMs } = config.strategies;
    this.weights = new WeightsStrategies(strategies, {
      clock: systemClock,
      start: startStrategyThread,
      waitMaxMs,
      tell: this.tell,
    });
  }

  /** Loads the modules that the configuration names. @throws {MeshError} `invalid-argument` with the module and what is wrong with it */
  static async load(config: Config, log: Log): Promise<NodePlugins> {
    return new NodePlugins(config, log, await loadPlugins(config.plugins));
  }

  /** Strategies in the path of requests, for the worker in this thread. */
  forHome(): PickStrategies {
    const { pickWaitMaxMs: waitMaxMs, pickBudgetMs: budgetMs } = this.#config.strategies;
    const parts = { clock: systemClock, start: startStrategyThread, waitMaxMs, budgetMs, tell: this.tell };
    this.#home = new PickStrategies(this.picks, parts);
    return this.#home;
  }

  /** From now on news become events. */
  tellTo(events: EventSink): void {
    this.#events = events;
  }

  /** Something happened to a strategy, in whichever thread. */
  readonly tell = ({ strategy, kind, message }: StrategyNews): void => {
    const key = `${kind} ${strategy}`;
    const nowMs = systemClock.monotonicMs();
    if (nowMs - (this.#toldMs.get(key) ?? Number.NEGATIVE_INFINITY) < NEWS_EVERY_MS) return;
    this.#toldMs.set(key, nowMs);
    if (this.#events === undefined) this.#log.warn(kind, message, { strategy });
    else this.#events.emit({ kind, message, fields: { strategy } });
  };

  /** How strategies in the path of requests stand, over all threads. */
  figures(): readonly StrategyFigures[] {
    return this.picks.strategies.map(({ name }, place) => ({
      strategy: name,
      state: this.#board.stateOf(place),
      answers: this.#board.counts(place),
    }));
  }

  close(): void {
    this.#home?.close();
    this.weights.close();
  }
}
