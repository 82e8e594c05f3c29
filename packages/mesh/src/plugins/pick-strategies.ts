import type { RequestFacts } from '@modelmesh/core/traffic';
import type { StrategyModule } from './load-plugins.ts';
import { type PickedEndpoint, PickStrategy, type PickStrategyParts } from './pick-strategy.ts';
import { StrategyBoard } from './strategy-board.ts';

/** Strategies in the path of requests, as every thread of a node is told of them. */
export interface PickSetup {
  readonly strategies: readonly StrategyModule[];
  readonly board: SharedArrayBuffer;
}

/** Those of a node. */
export function pickSetup(strategies: readonly StrategyModule[]): PickSetup {
  const picking = strategies.filter(({ form }) => form === 'pick');
  return { strategies: picking, board: new StrategyBoard(picking.length).memory };
}

/** The strategies of plug-ins in the path of requests, as one worker asks them. */
export class PickStrategies {
  readonly #strategies: ReadonlyMap<string, PickStrategy>;

  constructor({ strategies, board: memory }: PickSetup, parts: Omit<PickStrategyParts, 'strategy' | 'place' | 'board'>) {
    const board = new StrategyBoard(strategies.length, memory);
    this.#strategies = new Map(
      strategies.map((strategy, place) => [strategy.name, new PickStrategy({ ...parts, strategy, place, board })]),
    );
  }

  /** The place of a variant in the policy; `undefined`: weights decide. Never throws. */
  pick(strategy: string, facts: RequestFacts, of: PickedEndpoint): number | undefined {
    return this.#strategies.get(strategy)?.pick(facts, of);
  }

  close(): void {
    for (const strategy of this.#strategies.values()) strategy.close();
  }
}
