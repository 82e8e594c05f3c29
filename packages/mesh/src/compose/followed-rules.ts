import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '@modelmesh/core';
import type { DataPlaneRulesConfig } from '../config/index.ts';
import { readMethodRules, watchMethodRules } from '../dataplane/index.ts';
import type { MethodRules } from '../link/index.ts';
import type { Log } from '../log/index.ts';

/** What following the rules needs. */
export interface FollowedRulesParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Gives rules to the data plane. */
  readonly send: (rules: MethodRules) => void;
}

/** The rules of the data plane, as the configuration and the file that it may name say. A change that is wrong leaves the old ones. */
export class FollowedRules {
  readonly #parts: FollowedRulesParts;
  #config: DataPlaneRulesConfig;
  #stopWatching: () => void;

  /** The data plane has the rules of `config` already. */
  constructor(config: DataPlaneRulesConfig, parts: FollowedRulesParts) {
    this.#config = config;
    this.#parts = parts;
    this.#stopWatching = this.#watch();
  }

  /** Takes over what a changed configuration says. @throws {MeshError} `invalid-argument` if it is wrong: the old rules stay in force. */
  use(config: DataPlaneRulesConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return;
    const rules = readMethodRules(config);
    this.#stopWatching();
    this.#config = config;
    this.#parts.send(rules);
    this.#stopWatching = this.#watch();
  }

  stop(): void {
    this.#stopWatching();
  }

  #watch(): () => void {
    const { clock, log, send } = this.#parts;
    return watchMethodRules(this.#config, clock, (change) => {
      if (change.kind === 'changed') {
        send(change.rules);
        log.info('data-plane-rules-changed', 'the data-plane configuration was read anew');
      } else {
        log.error('data-plane-rules-kept', `the old data-plane configuration stays: ${change.error.message}`);
      }
    });
  }
}
