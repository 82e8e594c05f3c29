import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, MeshError, toMeshError } from '@modelmesh/core';
import { NO_CONSTRAINTS, parseConstraints, type TypeConstraints } from '@modelmesh/core/constraints';
import { problemText } from '@modelmesh/core/manifest';
import type { Config, ConfigProblem, TypeConstraintsConfig } from '../config/index.ts';
import { watchFiles } from '../files/index.ts';
import type { Log } from '../log/index.ts';

/** Files of constraints are small; a larger one is a mistake. */
const FILE_CHARS_MAX = 4 * 1024 * 1024;

/**
 * The type constraints that a configuration names (spec `modelmesh.md` §6.1).
 *
 * @throws {MeshError} `invalid-argument` that names the file and everything that is wrong with it
 */
export function readConstraints(config: TypeConstraintsConfig, warn: (message: string) => void = () => {}): TypeConstraints {
  if (config.kind === 'none') return NO_CONSTRAINTS;
  const source = config.kind === 'inline' ? 'placement.typeConstraints' : config.path;
  const parsed = parseConstraints(config.kind === 'inline' ? config.json : readText(config.path));
  if (!parsed.ok) throw new MeshError('invalid-argument', `${source}: ${parsed.problems.map(problemText).join('; ')}`);
  for (const warning of parsed.warnings) warn(`${source}: ${problemText(warning)}`);
  return parsed.constraints;
}

function readText(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > FILE_CHARS_MAX) throw new MeshError('invalid-argument', `the type constraints ${path} are too long`);
    return text;
  } catch (error) {
    if (error instanceof MeshError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new MeshError('invalid-argument', `the type constraints ${path} cannot be read: ${code}`, { cause: error });
  }
}

/** For `parseConfig`: what is wrong with the constraints that a configuration names, the file included. */
export function checkConstraints({ typeConstraints: config }: Pick<Config, 'typeConstraints'>): readonly ConfigProblem[] {
  try {
    readConstraints(config);
    return [];
  } catch (error) {
    const name = config.kind === 'file' ? 'placement.typeConstraintsFile' : 'placement.typeConstraints';
    const got = config.kind === 'file' ? { value: config.path } : ({ value: null, fault: 'invalid' } as const);
    return [{ name, ...got, from: name, expected: `valid type constraints: ${toMeshError(error).message}` }];
  }
}

/** The type constraints, as the configuration and the file that it may name say. A change that is wrong leaves the old ones. */
export class FollowedConstraints {
  readonly #parts: { readonly clock: Clock; readonly log: Log; readonly use: (constraints: TypeConstraints) => void };
  #config: TypeConstraintsConfig;
  #stopWatching: () => void;

  /** Control has the constraints of `config` already. */
  constructor(
    config: TypeConstraintsConfig,
    parts: { readonly clock: Clock; readonly log: Log; readonly use: (constraints: TypeConstraints) => void },
  ) {
    this.#config = config;
    this.#parts = parts;
    this.#stopWatching = this.#watch();
  }

  /** Takes over what a changed configuration says. @throws {MeshError} `invalid-argument` if it is wrong: the old ones stay in force. */
  use(config: TypeConstraintsConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return;
    const constraints = readConstraints(config);
    this.#stopWatching();
    this.#config = config;
    this.#parts.use(constraints);
    this.#stopWatching = this.#watch();
  }

  stop(): void {
    this.#stopWatching();
  }

  #watch(): () => void {
    const config = this.#config;
    const { clock, log, use } = this.#parts;
    if (config.kind !== 'file') return () => {};
    return watchFiles([config.path], clock, () => {
      try {
        use(readConstraints(config, (message) => log.warn('type-constraints-doubtful', message)));
        log.info('type-constraints-changed', 'the type constraints were read anew');
      } catch (error) {
        log.error('type-constraints-kept', `the old type constraints stay: ${toMeshError(error).message}`);
      }
    });
  }
}
