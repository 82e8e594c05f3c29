import type { Comparer } from '@modelmesh/core/traffic';

/** A plug-in that compares answers of shadows, as a module of plug-ins exports it. */
export interface ComparerPlugin extends Comparer {
  readonly plugin: 'comparer';
}

/**
 * Makes a comparer of a plug-in's own, which mirrors name in `compare.comparer`. It runs where the answers are, so it must be quick; one that throws
 * marks the pair as one that cannot be compared.
 *
 * @throws {TypeError} where the name is none or `compare` is no function
 */
export function defineComparer({ name, compare }: Comparer): ComparerPlugin {
  if (typeof name !== 'string' || name === '') throw new TypeError('a comparer has a name');
  if (typeof compare !== 'function') throw new TypeError(`comparer ${name} has a function compare`);
  return { plugin: 'comparer', name, compare };
}
