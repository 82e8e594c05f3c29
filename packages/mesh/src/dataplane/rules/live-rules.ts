import { readFileSync } from 'node:fs';
import { type Clock, MeshError, toMeshError } from '@modelmesh/core';
import type { Config, ConfigProblem, DataPlaneRulesConfig } from '../../config/index.ts';
import { watchFiles } from '../../files/index.ts';
import type { MethodRules } from '../../link/index.ts';
import { DEFAULT_METHOD_RULES, parseMethodRules } from './method-rules.ts';

/**
 * The rules that a configuration names.
 *
 * @throws {MeshError} `invalid-argument` that names the file and everything that is wrong with it
 */
export function readMethodRules(config: DataPlaneRulesConfig): MethodRules {
  if (config.kind === 'default') return DEFAULT_METHOD_RULES;
  const source = config.kind === 'inline' ? 'dataPlane.rules' : config.path;
  const parsed = parseMethodRules(config.kind === 'inline' ? config.json : readText(config.path));
  if (!parsed.ok) throw new MeshError('invalid-argument', `${source}: expected ${parsed.problems.join('; ')}`);
  return parsed.rules;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new MeshError('invalid-argument', `the data-plane configuration ${path} cannot be read: ${code}`, { cause: error });
  }
}

/** What became of a change of the file. */
export type RulesChange =
  | { readonly kind: 'changed'; readonly rules: MethodRules }
  /** The rules stay as they were. */
  | { readonly kind: 'kept'; readonly error: MeshError };

/**
 * Watches the file of the rules, if they come from one, and tells of every change, good or bad; the old rules stay in force until a whole
 * and valid file is there. The returned function ends it.
 */
export function watchMethodRules(config: DataPlaneRulesConfig, clock: Clock, changed: (change: RulesChange) => void): () => void {
  if (config.kind !== 'file') return () => {};
  let last = JSON.stringify(textOrNull(config.path));
  return watchFiles([config.path], clock, () => {
    const now = JSON.stringify(textOrNull(config.path));
    if (now === last) return;
    last = now;
    try {
      changed({ kind: 'changed', rules: readMethodRules(config) });
    } catch (error) {
      changed({ kind: 'kept', error: toMeshError(error) });
    }
  });
}

function textOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** For `parseConfig`: what is wrong with the rules that a configuration names, the file included. */
export function checkMethodRules({ dataPlaneRules: config }: Pick<Config, 'dataPlaneRules'>): readonly ConfigProblem[] {
  try {
    readMethodRules(config);
    return [];
  } catch (error) {
    const name = config.kind === 'file' ? 'dataPlane.rulesFile' : 'dataPlane.rules';
    const got = config.kind === 'file' ? { value: config.path } : ({ value: null, fault: 'invalid' } as const);
    return [{ name, ...got, from: name, expected: `a valid configuration: ${toMeshError(error).message}` }];
  }
}
