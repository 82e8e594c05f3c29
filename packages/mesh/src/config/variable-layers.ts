import { type Layer, LayerDraft } from './layer.ts';
import { COMPOSITE_VARIABLES, type Environment, readModelMeshVariables, readVariable } from './modelmesh-variables.ts';
import { nearestName } from './nearest-name.ts';
import { shownValue } from './problem.ts';
import { flagOf, type Setting, variableOf } from './setting.ts';
import { SETTINGS, type SettingName } from './settings.ts';
import { refusalOf, UNSUPPORTED_VARIABLES } from './unsupported-variables.ts';

const NAMES = Object.keys(SETTINGS) as SettingName[];
const settingOf = (name: SettingName): Setting<unknown> => SETTINGS[name];

const OWN_VARIABLES = new Set(NAMES.map((name) => variableOf(SETTINGS[name].path)));
/** Names the file; read by the program, not a setting. */
export const CONFIG_FILE_VARIABLE = 'MESH_CONFIG';
const MODELMESH_VARIABLES = new Set<string>([
  ...NAMES.flatMap((name) => settingOf(name).modelMesh?.names ?? []),
  ...COMPOSITE_VARIABLES,
  ...UNSUPPORTED_VARIABLES.keys(),
]);

/** What the environment says: ModelMesh's variables, outranked by our own. */
export function environmentLayers(env: Environment): readonly Layer[] {
  return [modelMeshLayer(env), ownLayer(env)];
}

function modelMeshLayer(env: Environment): Layer {
  const draft = new LayerDraft();
  for (const name of NAMES) {
    const { modelMesh } = settingOf(name);
    const variable = modelMesh?.names.find((candidate) => readVariable(env, candidate) !== undefined);
    if (variable !== undefined) draft.give(name, readVariable(env, variable), variable, modelMesh?.kind);
  }
  readModelMeshVariables(env, draft);
  for (const [name, listed] of UNSUPPORTED_VARIABLES) {
    const value = readVariable(env, name);
    if (value === undefined || listed.kind === 'silent' || listed.harmless.includes(value.toLowerCase())) continue;
    const list = listed.kind === 'refused' ? draft.problems : draft.warnings;
    const expected = listed.kind === 'refused' ? refusalOf(listed) : `it unset: ${listed.because}`;
    list.push({ name, value: shownValue(value), from: name, expected });
  }
  warnOfUnknown(env, draft, /^MM_/, MODELMESH_VARIABLES);
  return draft;
}

function ownLayer(env: Environment): Layer {
  const draft = new LayerDraft();
  for (const name of NAMES) {
    const variable = variableOf(SETTINGS[name].path);
    const value = readVariable(env, variable);
    if (value !== undefined) draft.give(name, value, variable);
  }
  // Kubernetes adds variables such as MESH_SERVICE_HOST for a service called mesh: they must not stop a node.
  warnOfUnknown(env, draft, /^MESH_(?!(SERVICE_HOST|SERVICE_PORT|PORT)(_|$))/, new Set([...OWN_VARIABLES, CONFIG_FILE_VARIABLE]));
  return draft;
}

function warnOfUnknown(env: Environment, draft: LayerDraft, prefix: RegExp, known: ReadonlySet<string>): void {
  for (const name of Object.keys(env)) {
    if (!prefix.test(name) || known.has(name)) continue;
    const near = nearestName(name, known);
    const expected = near === undefined ? 'a variable that is known' : `another name: did you mean ${near}?`;
    draft.warnings.push({ name, value: null, fault: 'unknown', from: name, expected });
  }
}

/** Flags as the command line gives them: name with dashes in front → value. */
export type Flags = ReadonlyMap<string, string>;

const NAME_OF_FLAG = new Map<string, SettingName>(NAMES.map((name) => [flagOf(SETTINGS[name].path), name]));

/** What the flags say; unknown ones are problems. */
export function flagLayer(flags: Flags): Layer {
  const draft = new LayerDraft();
  for (const [flag, value] of flags) {
    const name = NAME_OF_FLAG.get(flag);
    if (name !== undefined) draft.give(name, value, flag);
    else {
      const near = nearestName(flag, NAME_OF_FLAG.keys());
      const expected = near === undefined ? 'a flag that is known' : `another flag: did you mean ${near}?`;
      draft.problems.push({ name: flag, value: shownValue(value), fault: 'unknown', from: flag, expected });
    }
  }
  return draft;
}

/** Whether a setting has this flag. */
export const isFlag = (flag: string): boolean => NAME_OF_FLAG.has(flag);

/** Whether the setting of a flag is true or false: such a flag needs no value. */
export function isSwitch(flag: string): boolean {
  const name = NAME_OF_FLAG.get(flag);
  return name !== undefined && settingOf(name).kind.parse('true') === true;
}
