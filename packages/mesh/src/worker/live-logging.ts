import type { Config } from '../config/index.ts';
import type { NodeLog } from '../log/index.ts';
import type { ParameterOverrides } from '../node/index.ts';
import type { LoggedCalls } from './call-log.ts';

type LogConfig = Pick<Config, 'logLevel' | 'logEachInvocation' | 'logHeaders'>;

/** What is logged while the node runs: what operators set for all nodes in the registry outranks the configuration of this one. */
export class LiveLogging {
  readonly #log: NodeLog;
  readonly #calls: LoggedCalls;
  #config: LogConfig;
  #parameters: ParameterOverrides = {};

  constructor(log: NodeLog, calls: LoggedCalls, config: LogConfig) {
    this.#log = log;
    this.#calls = calls;
    this.#config = config;
  }

  /** The configuration changed. */
  configured(config: LogConfig): void {
    this.#config = config;
    this.#apply();
  }

  /** Operators changed something. */
  parametersChanged(parameters: ParameterOverrides): void {
    this.#parameters = parameters;
    this.#apply();
  }

  #apply(): void {
    const { logLevel, logEachInvocation } = this.#parameters;
    const { logHeaders } = this.#config;
    // Nothing is silent altogether: what ends a node is always said.
    this.#log.setLevel(logLevel === 'off' ? 'fatal' : (logLevel ?? this.#config.logLevel));
    this.#calls.follow({ logEachInvocation: logEachInvocation ?? this.#config.logEachInvocation, logHeaders });
  }
}
