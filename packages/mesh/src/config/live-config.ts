import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';
import { type ConfigResult, type ConfigSources, parseConfig } from './parse-config.ts';
import { type ConfigProblem, configProblemText, shownValue } from './problem.ts';

/** Parts of a configuration that a reload may change; everything else needs a restart. */
const LIVE_PARTS = ['tls', 'cors', 'limits', 'dataPlaneRules', 'logLevel', 'logEachInvocation', 'logHeaders'] as const;
type LivePart = (typeof LIVE_PARTS)[number];

/** Limits that are given to a connection, a runtime or a queue when it is made, and stay as they were. */
const FROZEN_LIMITS = [
  'messageBytesMax',
  'headerListBytesMax',
  'streamsPerConnectionMax',
  'streamWindowBytes',
  'streamWindowBytesMax',
  'connectionWindowBytes',
  'runtimeQueueMax',
  'restLargeBodiesBytesMax',
  'loadQueueMax',
  'copiesMax',
] as const satisfies readonly (keyof Config['limits'])[];

/** What became of a reload. */
export type ReloadOutcome =
  | { readonly kind: 'unchanged'; readonly warnings: readonly ConfigProblem[] }
  | {
      readonly kind: 'changed';
      readonly config: Config;
      /** Grows by one with every change; 1 is the configuration that the node started with. */
      readonly revision: number;
      readonly parts: readonly LivePart[];
      readonly warnings: readonly ConfigProblem[];
    }
  /** Nothing changed at all; the old configuration stays in force. */
  | { readonly kind: 'kept'; readonly problems: readonly ConfigProblem[]; readonly warnings: readonly ConfigProblem[] };

/** What a live configuration starts with. */
export interface LiveConfigParts {
  readonly config: Config;
  /** Reads all sources again. */
  readonly sources: () => ConfigSources;
}

/** The configuration in force. A reload is checked whole, then swapped whole, or refused with the reasons. */
export class LiveConfig {
  readonly #sources: () => ConfigSources;
  #current: Config;
  #revision = 1;

  constructor({ config, sources }: LiveConfigParts) {
    this.#current = config;
    this.#sources = sources;
  }

  get current(): Config {
    return this.#current;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Reads everything again. @throws whatever reading the sources throws; the configuration stays as it was. */
  reload(): ReloadOutcome {
    const parsed: ConfigResult = parseConfig(this.#sources());
    const { warnings } = parsed;
    if (!parsed.ok) return { kind: 'kept', problems: parsed.problems, warnings };
    const problems = frozenProblems(this.#current, parsed.config);
    if (problems.length > 0) return { kind: 'kept', problems, warnings };
    const parts = LIVE_PARTS.filter((part) => !isDeepStrictEqual(this.#current[part], parsed.config[part]));
    if (parts.length === 0) return { kind: 'unchanged', warnings };
    this.#current = parsed.config;
    this.#revision += 1;
    return { kind: 'changed', config: parsed.config, revision: this.#revision, parts, warnings };
  }
}

function frozenProblems(old: Config, wanted: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const compare = (name: string, before: unknown, after: unknown): void => {
    if (isDeepStrictEqual(before, after)) return;
    problems.push({ name, value: shownValue(after), from: 'reload', expected: 'no change while the node runs: restart it' });
  };
  const live: readonly string[] = LIVE_PARTS;
  for (const name of Object.keys(wanted) as (keyof Config)[]) if (!live.includes(name)) compare(name, old[name], wanted[name]);
  for (const name of FROZEN_LIMITS) compare(`limits.${name}`, old.limits[name], wanted.limits[name]);
  compare('tls', old.tls !== null, wanted.tls !== null);
  if (old.tls !== null && wanted.tls !== null) compare('tls.clientAuth', old.tls.clientAuth, wanted.tls.clientAuth);
  return problems;
}

/** All problems as one text, a line each. */
export const problemLines = (problems: readonly ConfigProblem[]): string => problems.map(configProblemText).join('\n');
