import type { Environment } from './modelmesh-variables.ts';
import { readVariable } from './modelmesh-variables.ts';
import { type Setting, variableOf } from './setting.ts';
import { SETTINGS, type SettingName } from './settings.ts';

/** A setting whose default here is not ModelMesh's. */
export interface DefaultDifference {
  /** Where it stands in YAML. */
  readonly path: string;
  readonly ours: unknown;
  readonly modelMesh: unknown;
}

/** Settings that these variables leave to a default which differs from ModelMesh's; none where `MM_COMPAT=modelmesh` brings those back. */
export function defaultDifferences(env: Environment): readonly DefaultDifference[] {
  if (readVariable(env, 'MM_COMPAT')?.toLowerCase() === 'modelmesh') return [];
  return (Object.keys(SETTINGS) as SettingName[]).flatMap((name) => {
    const row: Setting<unknown> = SETTINGS[name];
    const variables = [variableOf(row.path), ...(row.modelMesh?.names ?? [])];
    if (row.modelMeshDefault === undefined || variables.some((variable) => readVariable(env, variable) !== undefined)) return [];
    return { path: row.path, ours: row.default, modelMesh: row.modelMeshDefault };
  });
}
