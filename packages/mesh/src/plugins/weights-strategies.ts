import { type Clock, type DurationMs, MeshError, toMeshError } from '@modelmesh/core';
import type { ArmFigures, PolicyRecord, SplitShare } from '@modelmesh/core/records';
import type { WeightsPlugins } from '../node/index.ts';
import type { StrategyModule } from './load-plugins.ts';
import type { StrategyNews } from './pick-strategy.ts';
import type { StartStrategy, StrategyThread } from './start-strategy.ts';
import type { FromStrategy } from './strategy-thread.ts';

/** Overruns in a row that bar a strategy. */
export const OVERRUNS_IN_A_ROW_MAX = 3;

/** What strategies that set weights need. */
export interface WeightsStrategiesParts {
  readonly clock: Clock;
  readonly start: StartStrategy;
  /** How long one answer may take. */
  readonly waitMaxMs: DurationMs;
  readonly tell: (news: StrategyNews) => void;
}

/** Strategies of plug-ins that set weights, each in a thread of its own that lives from its first question on. */
export class WeightsStrategies implements WeightsPlugins {
  readonly #strategies: ReadonlyMap<string, WeightsStrategy>;

  constructor(strategies: readonly StrategyModule[], parts: WeightsStrategiesParts) {
    const weighing = strategies.filter(({ form }) => form === 'weights');
    this.#strategies = new Map(weighing.map((strategy) => [strategy.name, new WeightsStrategy(strategy, parts)]));
  }

  has(name: string): boolean {
    return this.#strategies.has(name);
  }

  async weights(policy: PolicyRecord, arms: readonly ArmFigures[]): Promise<readonly SplitShare[] | null> {
    return (await this.#strategies.get(policy.policy.strategy.name)?.weights(policy, arms)) ?? null;
  }

  close(): void {
    for (const strategy of this.#strategies.values()) strategy.close();
  }
}

interface Question {
  readonly request: number;
  resolve(weights: unknown): void;
  reject(error: MeshError): void;
}

class WeightsStrategy {
  readonly #strategy: StrategyModule;
  readonly #parts: WeightsStrategiesParts;
  #thread: StrategyThread | undefined;
  #question: Question | undefined;
  #requests = 0;
  #overruns = 0;
  #isBarred = false;

  constructor(strategy: StrategyModule, parts: WeightsStrategiesParts) {
    this.#strategy = strategy;
    this.#parts = parts;
  }

  async weights({ id, policy }: PolicyRecord, arms: readonly ArmFigures[]): Promise<readonly SplitShare[] | null> {
    if (this.#isBarred) return null;
    const weightOf = new Map(policy.variants.map(({ name, weight }) => [name, weight]));
    const variants = arms.map(({ variant: name, calls, rewards }) => ({ name, weight: weightOf.get(name) ?? 0, calls, rewards }));
    try {
      const said = await this.#ask({ endpoint: id, config: policy.strategy.config, variants });
      this.#overruns = 0;
      return sharesOf(said, arms);
    } catch (error) {
      const { name: strategy } = this.#strategy;
      const message = `strategy ${strategy} set no weights for endpoint ${id}, the last ones stay: ${toMeshError(error).message}`;
      this.#parts.tell({ strategy, kind: 'strategy-threw', message });
      return null;
    }
  }

  close(): void {
    this.#thread?.kill();
    this.#thread = undefined;
  }

  /** One question at a time. */
  async #ask(context: Parameters<StrategyThread['send']>[0]['context']): Promise<unknown> {
    const { clock, waitMaxMs } = this.#parts;
    this.#requests += 1;
    const request = this.#requests;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#question = { request, resolve, reject };
    const late = clock.after(waitMaxMs, () => this.#overran());
    this.#thread ??= this.#start();
    this.#thread.send({ kind: 'weigh', request, context });
    return promise.finally(() => {
      late.cancel();
      this.#question = undefined;
    });
  }

  #start(): StrategyThread {
    const thread = this.#parts.start(
      { strategy: this.#strategy, channel: null },
      { onMessage: (message) => this.#heard(message), onEnd: (why) => this.#ended(thread, why) },
    );
    return thread;
  }

  #overran(): void {
    const { waitMaxMs, tell } = this.#parts;
    this.#overruns += 1;
    this.close();
    this.#question?.reject(new MeshError('unavailable', `it took longer than ${waitMaxMs} ms, and was ended`));
    if (this.#overruns < OVERRUNS_IN_A_ROW_MAX) return;
    this.#isBarred = true;
    const { name: strategy } = this.#strategy;
    const message = `strategy ${strategy} is barred on this node until that starts again: it took too long ${this.#overruns} times in a row`;
    tell({ strategy, kind: 'strategy-barred', message });
  }

  #heard(message: FromStrategy): void {
    if (message.kind === 'cannot') this.#question?.reject(new MeshError('unavailable', message.message));
    if (message.kind !== 'weights' && message.kind !== 'failed') return;
    if (message.request !== this.#question?.request) return;
    if (message.kind === 'weights') this.#question.resolve(message.weights);
    else this.#question.reject(new MeshError('unavailable', message.message));
  }

  #ended(thread: StrategyThread, why: string): void {
    if (thread !== this.#thread) return;
    this.#thread = undefined;
    this.#question?.reject(new MeshError('unavailable', why));
  }
}

/** What was said as shares. @throws {MeshError} `invalid-argument` where it says none */
function sharesOf(said: unknown, arms: readonly ArmFigures[]): readonly SplitShare[] {
  if (typeof said !== 'object' || said === null)
    throw new MeshError('invalid-argument', 'expected an object of weights by variant');
  const known = new Set(arms.map(({ variant }) => variant));
  const weights = new Map(Object.entries(said));
  for (const [variant, weight] of weights) {
    if (!known.has(variant))
      throw new MeshError(
        'invalid-argument',
        `it has a weight for ${JSON.stringify(variant)}, which is no variant with a weight`,
      );
    if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0)
      throw new MeshError(
        'invalid-argument',
        `the weight of ${variant} is ${String(weight)}, expected a number that is not negative`,
      );
  }
  const shares = arms.map(({ variant }) => ({ variant, weight: Number(weights.get(variant) ?? 0) }));
  if (shares.every(({ weight }) => weight === 0)) throw new MeshError('invalid-argument', 'all weights are 0');
  return shares;
}
