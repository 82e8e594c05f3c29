import { assembleConfig, type Machine } from './assemble.ts';
import type { Config } from './config.ts';
import type { Given, Layer, Resolved } from './layer.ts';
import type { Environment } from './modelmesh-variables.ts';
import { infoMetric } from './modelmesh-variables.ts';
import { CONFIG_PROBLEMS_MAX, type ConfigProblem, shownValue } from './problem.ts';
import type { Setting } from './setting.ts';
import { SETTINGS, type SettingName, type SettingValues } from './settings.ts';
import { environmentLayers, type Flags, flagLayer } from './variable-layers.ts';
import { yamlLayer } from './yaml-layer.ts';

/** Everything that a configuration is made from. */
export interface ConfigSources {
  readonly yaml?: { readonly path: string; readonly text: string } | undefined;
  readonly env: Environment;
  readonly flags: Flags;
  /** What the machine says of itself, for defaults. */
  readonly machine: Machine;
  /** What other rooms find wrong with what the configuration names, files included. Asked even if something else is wrong. */
  readonly checks: readonly ConfigCheck[];
}

/** Says what is wrong with a part of a configuration. */
export type ConfigCheck = (config: Config) => readonly ConfigProblem[];

/** A configuration, or everything that is wrong with it. Warnings never stop a node. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly ConfigProblem[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly warnings: readonly ConfigProblem[] };

/** Reads a configuration: defaults, outranked by YAML, by variables, by flags. Reports all problems at once, at most {@link CONFIG_PROBLEMS_MAX}. */
export function parseConfig(sources: ConfigSources): ConfigResult {
  const layers: Layer[] = [];
  if (sources.yaml !== undefined) layers.push(yamlLayer(sources.yaml));
  layers.push(...environmentLayers(sources.env), flagLayer(sources.flags));
  const problems = layers.flatMap((layer) => layer.problems);
  const warnings = layers.flatMap((layer) => layer.warnings);
  const resolved = resolve(layers, problems);
  const info = infoMetric(sources.env, { problems });
  const config = assembleConfig(resolved, { machine: sources.machine, info, problems, warnings });
  for (const check of sources.checks) problems.push(...check(config));
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, CONFIG_PROBLEMS_MAX), warnings };
  return { ok: true, config, warnings };
}

function resolve(layers: readonly Layer[], problems: ConfigProblem[]): Resolved {
  const last = new Map<SettingName, Given>();
  const values = new Map<SettingName, unknown>();
  for (const given of layers.flatMap((layer) => layer.given)) {
    const row: Setting<unknown> = SETTINGS[given.setting];
    const kind = given.kind ?? row.kind;
    // `null` in YAML is a field left empty: the setting is not given.
    const value = given.raw === null ? row.kind.parse(null) : kind.parse(given.raw);
    if (value === undefined && given.raw === null) continue;
    if (value === undefined) {
      const shown = row.secret === true ? '(hidden)' : shownValue(given.raw);
      problems.push({ name: row.path, value: shown, from: given.from, expected: kind.expected });
      continue;
    }
    last.set(given.setting, given);
    values.set(given.setting, value);
  }
  const compat = values.get('compat') === 'modelmesh';
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    if (values.has(name)) continue;
    const row: Setting<unknown> = SETTINGS[name];
    values.set(name, compat && row.modelMeshDefault !== undefined ? row.modelMeshDefault : row.default);
  }
  const from = new Map([...last].map(([name, given]) => [name, given.from]));
  // Every name of the table has been given a value that its own kind accepted, or its default.
  return { values: Object.fromEntries(values) as unknown as SettingValues, from };
}
