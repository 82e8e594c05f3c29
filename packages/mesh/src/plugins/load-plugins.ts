import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MeshError } from '@modelmesh/core';
import { COMPARERS, STRATEGIES } from '@modelmesh/core/traffic';
import type { ComparerPlugin } from '@modelmesh/sdk/comparer';
import type { StrategyPlugin } from '@modelmesh/sdk/strategy';

/** A plug-in of any kind. */
export type Plugin = StrategyPlugin | ComparerPlugin;

/** A strategy, and the module that exports it: each thread that runs it loads that anew. */
export interface StrategyModule {
  readonly name: string;
  readonly form: StrategyPlugin['form'];
  /** URL of the module. */
  readonly module: string;
}

/** The plug-ins of a node. */
export interface Plugins {
  readonly strategies: readonly StrategyModule[];
  readonly comparers: ReadonlyMap<string, ComparerPlugin>;
}

/** Names of plug-ins are those of policies. */
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** What each kind of plug-in must have, and which names are taken. */
const KINDS = {
  strategy: { taken: Object.keys(STRATEGIES), isWhole: isStrategy },
  comparer: { taken: Object.keys(COMPARERS), isWhole: (value: object) => functionAt(value, 'compare') },
} as const satisfies Readonly<Record<Plugin['plugin'], { taken: readonly string[]; isWhole: (value: object) => boolean }>>;

/**
 * Loads the modules that the setting `plugins` names: files, relative to the folder that the node runs in, or packages. Each exports a plug-in, or a
 * list of them, by default.
 *
 * @throws {MeshError} `invalid-argument` with the module and what is wrong with it
 */
export async function loadPlugins(modules: readonly string[]): Promise<Plugins> {
  const strategies: StrategyModule[] = [];
  const comparers = new Map<string, ComparerPlugin>();
  const seen = new Map<string, string>();
  for (const named of modules) {
    const module = urlOf(named);
    for (const plugin of await pluginsOf(module, named)) {
      const key = `${plugin.plugin} ${plugin.name}`;
      const other = seen.get(key);
      if (other !== undefined) throw wrong(named, `${key} is in ${other} too`);
      seen.set(key, named);
      if (plugin.plugin === 'comparer') comparers.set(plugin.name, plugin);
      else strategies.push({ name: plugin.name, form: plugin.form, module });
    }
  }
  return { strategies, comparers };
}

/** The strategy of that name in a module, for the thread that is to run it. @throws {MeshError} `invalid-argument` */
export async function strategyIn({ module, name }: StrategyModule): Promise<StrategyPlugin> {
  const found = (await pluginsOf(module, module)).find((one) => one.plugin === 'strategy' && one.name === name);
  if (found?.plugin !== 'strategy') throw wrong(module, `it has no strategy ${name} any more`);
  return found;
}

function urlOf(named: string): string {
  if (named.startsWith('.') || isAbsolute(named)) return pathToFileURL(resolve(named)).href;
  if (named.startsWith('file:')) return named;
  try {
    return import.meta.resolve(named, pathToFileURL(`${process.cwd()}/`).href);
  } catch {
    return named;
  }
}

async function pluginsOf(module: string, named: string): Promise<readonly Plugin[]> {
  let exported: unknown;
  try {
    const loaded: { readonly default?: unknown } = await import(module);
    exported = loaded.default;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw wrong(named, `it cannot be loaded: ${why}`, error);
  }
  if (exported === undefined)
    throw wrong(named, 'it exports nothing by default: expected what defineStrategy or defineComparer returns');
  return (Array.isArray(exported) ? exported : [exported]).map((one: unknown) => checked(one, named));
}

function checked(value: unknown, named: string): Plugin {
  if (typeof value !== 'object' || value === null || !('plugin' in value) || !isKind(value.plugin))
    throw wrong(named, 'its default export is no plug-in: expected what defineStrategy or defineComparer returns');
  const { taken, isWhole } = KINDS[value.plugin];
  const name = 'name' in value && typeof value.name === 'string' ? value.name : '';
  if (!NAME.test(name))
    throw wrong(
      named,
      `the name of a plug-in is at most 63 letters, digits, dots, dashes and underscores, not ${JSON.stringify(name)}`,
    );
  if (taken.some((other) => other === name))
    throw wrong(named, `${value.plugin} ${name} is one of the mesh's own: it needs another name`);
  if (!isWhole(value)) throw wrong(named, `${value.plugin} ${name} was not made by its define function of @modelmesh/sdk`);
  // Its kind, its name and its function are what they must be.
  return value as Plugin;
}

const isKind = (kind: unknown): kind is Plugin['plugin'] => typeof kind === 'string' && Object.hasOwn(KINDS, kind);

function isStrategy(value: object): boolean {
  const form = 'form' in value ? value.form : undefined;
  return (form === 'weights' || form === 'pick') && functionAt(value, form);
}

const functionAt = (value: object, name: string): boolean =>
  typeof Object.getOwnPropertyDescriptor(value, name)?.value === 'function';

const wrong = (named: string, why: string, cause?: unknown): MeshError =>
  new MeshError('invalid-argument', `plug-in ${named}: ${why}`, cause === undefined ? {} : { cause });
