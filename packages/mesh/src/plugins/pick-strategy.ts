import { type Clock, type DurationMs, durationMs, type Timer } from '@modelmesh/core';
import type { EndpointPolicy } from '@modelmesh/core/records';
import { type RequestFacts, SLOTS } from '@modelmesh/core/traffic';
import { LOOK_EVERY_MS, look, NO_WATCH, nextStart, type Watch } from '@modelmesh/core/workers';
import type { PickContext } from '@modelmesh/sdk/strategy';
import type { StrategyModule } from './load-plugins.ts';
import { allocateChannel, PickAsker } from './pick-channel.ts';
import type { StartStrategy, StrategyThread } from './start-strategy.ts';
import type { StrategyBoard, StrategyState } from './strategy-board.ts';
import type { FromStrategy } from './strategy-thread.ts';

/** Throws in a row that bar a strategy. */
export const THROWS_IN_A_ROW_MAX = 20;
/** Timed answers whose median is held against the budget: one that the machine held up says nothing. */
export const TIMED_ANSWERS = 9;

/** What happened to a strategy of a plug-in. */
export interface StrategyNews {
  readonly strategy: string;
  readonly kind: 'strategy-threw' | 'strategy-barred' | 'strategy-late' | 'strategy-ended';
  readonly message: string;
}

/** The endpoint that is picked for. */
export interface PickedEndpoint {
  readonly endpoint: string;
  readonly policy: EndpointPolicy;
  /** Slots of each variant, in the order of the policy. */
  readonly shares: readonly number[];
  inFlight(index: number): number;
}

/** What a strategy in the path of requests needs. */
export interface PickStrategyParts {
  readonly strategy: StrategyModule;
  /** Its place on the board. */
  readonly place: number;
  readonly board: StrategyBoard;
  readonly clock: Clock;
  readonly start: StartStrategy;
  /** How long a request waits for it. */
  readonly waitMaxMs: DurationMs;
  /** What an answer may take, as a median. */
  readonly budgetMs: DurationMs;
  readonly tell: (news: StrategyNews) => void;
}

/**
 * A strategy of a plug-in in the path of requests, as one worker asks it. It runs in a thread beside the worker, which waits in place: a strategy that
 * never comes back costs the request that met it {@link PickStrategyParts.waitMaxMs}, and no request is lost with it. Whatever goes wrong, weights
 * decide.
 */
export class PickStrategy {
  readonly #parts: PickStrategyParts;
  #asker: PickAsker | undefined;
  #thread: StrategyThread | undefined;
  #isReady = false;
  #isClosed = false;
  #throws = 0;
  #took: number[] = [];
  #falls = 0;
  #startedMs = 0;
  #watch: Watch = NO_WATCH;
  #looking: Timer | undefined;
  #beat = 0;

  constructor(parts: PickStrategyParts) {
    this.#parts = parts;
    this.#start();
  }

  /** The place of a variant in the policy; `undefined`: weights decide. Never throws. */
  pick(facts: RequestFacts, of: PickedEndpoint): number | undefined {
    const { board, place, waitMaxMs } = this.#parts;
    const asker = this.#asker;
    if (asker === undefined || !this.#isReady || board.stateOf(place) !== 'on') return undefined;
    if (asker.isBusy) {
      board.count(place, 'late');
      return undefined;
    }
    asker.forgetLate();
    const places = of.shares.flatMap((share, at) => (share > 0 ? [at] : []));
    const answer = asker.ask(JSON.stringify(contextOf(facts, of, places)), waitMaxMs);
    this.#beat += 1;
    if (answer.kind === 'too-large') board.count(place, 'left');
    else board.count(place, answer.kind);
    if (answer.kind === 'late') this.#late();
    if (answer.kind === 'threw') this.#threw();
    if (answer.kind === 'picked' || answer.kind === 'left') this.#throws = 0;
    return answer.kind === 'picked' ? places[answer.index] : undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#looking?.cancel();
    this.#thread?.kill();
  }

  #start(): void {
    const { start, strategy, clock } = this.#parts;
    const channel = allocateChannel();
    this.#asker = new PickAsker(channel);
    this.#isReady = false;
    this.#startedMs = clock.monotonicMs();
    const thread = start(
      { strategy, channel },
      { onMessage: (message) => this.#heard(message), onEnd: (why) => this.#ended(thread, why) },
    );
    this.#thread = thread;
  }

  #heard(message: FromStrategy): void {
    const { strategy, tell } = this.#parts;
    if (message.kind === 'ready') this.#isReady = true;
    if (message.kind === 'took') this.#timed(message.ms);
    if (message.kind === 'threw')
      tell({
        strategy: strategy.name,
        kind: 'strategy-threw',
        message: `strategy ${strategy.name} threw, weights decide: ${message.message}`,
      });
    if (message.kind === 'cannot')
      tell({
        strategy: strategy.name,
        kind: 'strategy-ended',
        message: `strategy ${strategy.name} cannot run: ${message.message}`,
      });
  }

  #timed(ms: number): void {
    const { budgetMs } = this.#parts;
    this.#took.push(ms);
    if (this.#took.length < TIMED_ANSWERS) return;
    const median = this.#took.toSorted((a, b) => a - b)[TIMED_ANSWERS >> 1] ?? 0;
    this.#took = this.#took.slice(1);
    if (median > budgetMs) this.#bar('slow', `an answer takes ${median.toFixed(2)} ms, more than its budget of ${budgetMs} ms`);
  }

  #threw(): void {
    this.#throws += 1;
    if (this.#throws >= THROWS_IN_A_ROW_MAX) this.#bar('throws', `it threw ${this.#throws} times in a row`);
  }

  /** The request does not wait any more; whether the strategy ever comes back is watched. */
  #late(): void {
    if (this.#looking !== undefined) return;
    this.#watch = NO_WATCH;
    this.#lookLater();
  }

  #lookLater(): void {
    this.#looking = this.#parts.clock.after(LOOK_EVERY_MS, () => {
      this.#looking = undefined;
      if (this.#isClosed || this.#asker?.isBusy !== true) return;
      const { watch, silent } = look(this.#watch, new Map([[0, this.#beat]]), this.#parts.clock.monotonicMs());
      this.#watch = watch;
      if (silent.length > 0) this.#bar('endless', 'it did not come back for a second');
      else this.#lookLater();
    });
  }

  #bar(state: Exclude<StrategyState, 'on'>, why: string): void {
    const { board, place, strategy, tell } = this.#parts;
    if (board.bar(place, state)) {
      const message = `strategy ${strategy.name} is barred on this node until that starts again, weights decide: ${why}`;
      tell({ strategy: strategy.name, kind: 'strategy-barred', message });
    }
    this.#isReady = false;
    this.#thread?.kill();
  }

  #ended(thread: StrategyThread, why: string): void {
    const { board, place, strategy, clock, tell } = this.#parts;
    if (this.#isClosed || thread !== this.#thread || board.stateOf(place) !== 'on') return;
    this.#isReady = false;
    const { falls, pauseMs } = nextStart(this.#falls, durationMs(clock.monotonicMs() - this.#startedMs));
    this.#falls = falls;
    const message = `the thread of strategy ${strategy.name} is started again in ${pauseMs} ms, weights decide: ${why}`;
    tell({ strategy: strategy.name, kind: 'strategy-ended', message });
    clock.after(pauseMs, () => {
      if (!this.#isClosed) this.#start();
    });
  }
}

function contextOf(facts: RequestFacts, of: PickedEndpoint, places: readonly number[]): PickContext {
  const { endpoint, policy, shares } = of;
  const headers: Record<string, string> = Object.create(null);
  for (const name of facts.headerNames()) headers[name] = facts.header(name) ?? '';
  return {
    endpoint,
    config: policy.strategy.config,
    variants: places.map((at) => ({
      name: policy.variants[at]?.name ?? '',
      weight: policy.variants[at]?.weight ?? 0,
      share: (shares[at] ?? 0) / SLOTS,
      inFlight: of.inFlight(at),
    })),
    headers,
    path: facts.path,
    method: facts.method,
    tenant: facts.tenant,
    client: facts.client,
  };
}
