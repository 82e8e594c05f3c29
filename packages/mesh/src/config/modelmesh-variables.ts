/** ModelMesh's variables that set several settings at once or that read others. */
import type { LayerDraft } from './layer.ts';
import { shownValue } from './problem.ts';
import type { SettingName } from './settings.ts';
import type { ValueKind } from './value-kind.ts';

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that {@link readModelMeshVariables} reads. */
export const COMPOSITE_VARIABLES = [
  'MM_METRICS',
  'MM_INFO_METRICS',
  'INTERNAL_GRPC_PORT',
  'INTERNAL_GRPC_SOCKET_PATH',
  'INTERNAL_SERVING_GRPC_PORT',
  'INTERNAL_SERVING_GRPC_SOCKET_PATH',
  'KV_STORE',
] as const;

/** A variable that is set to nothing counts as not set, as templates of manifests leave many. */
export const readVariable = (env: Environment, name: string): string | undefined => {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? undefined : value;
};

/** Adds what the composite variables say. */
export function readModelMeshVariables(env: Environment, draft: LayerDraft): void {
  readMetrics(env, draft);
  readRuntime(env, draft);
  readStore(env, draft);
}

/** `etcd:` and a file, or members. What has a colon and is no path names members. Spec `modelmesh.md` §3.1. */
function readStore(env: Environment, draft: LayerDraft): void {
  const from = 'KV_STORE';
  const value = readVariable(env, from);
  if (value === undefined) return;
  const place = /^etcd:(?<place>.+)$/s.exec(value)?.groups?.place?.trim();
  if (place === undefined) {
    const expected = value.startsWith('zookeeper:')
      ? 'no ZooKeeper, which is not supported: move the records to etcd, or leave it unset for SQLite'
      : 'etcd: and the path of a JSON file, or members such as etcd:http://etcd.example:2379';
    draft.problems.push({ name: from, value: shownValue(value), from, expected });
    return;
  }
  draft.give('registryKind', 'etcd', from);
  const isFile = /^[./~]/.test(place) || !place.includes(':');
  draft.give(isFile ? 'registryFile' : 'registryEndpoints', place, from);
}

/** Parameters of `MM_METRICS` and the settings that they are; `null`: accepted without effect. Spec `modelmesh.md` §6.5. */
const METRICS_PARAMETERS: ReadonlyMap<string, SettingName | null> = new Map<string, SettingName | null>([
  ['port', 'metricsPort'],
  ['scheme', 'metricsScheme'],
  ['fq_names', 'metricsFullNames'],
  ['per_model_metrics', 'metricsPerModel'],
  ['mem_detail', 'metricsProcess'],
  ['legacy', null],
]);

/** Port of `MM_METRICS=statsd` that names none. */
const STATSD_PORT = '8126';
const STATSD_PARAMETERS: ReadonlyMap<string, SettingName | null> = new Map<string, SettingName | null>([
  ['port', 'statsdPort'],
  ['fq_names', 'metricsFullNames'],
  ['legacy', 'statsdLegacy'],
]);

const memoryDetail: ValueKind<boolean> = {
  expected: 'all, none or a list of netty, gc, bp, mp, ma',
  parse: (raw) => {
    if (raw === 'all') return true;
    if (raw === 'none') return false;
    return /^(netty|gc|bp|mp|ma)(,(netty|gc|bp|mp|ma))*$/.test(String(raw)) ? true : undefined;
  },
};

function readMetrics(env: Environment, draft: LayerDraft): void {
  const from = 'MM_METRICS';
  const value = readVariable(env, from);
  if (value === undefined) return;
  const problem = (expected: string): void => {
    draft.problems.push({ name: from, value: shownValue(value), from, expected });
  };
  const [kind = '', ...rest] = value.split(':');
  const parameters = rest
    .join(':')
    .split(';')
    .filter((parameter) => parameter !== '');
  switch (kind.toLowerCase()) {
    case 'disabled':
      draft.give('metricsPort', 'none', from);
      break;
    case 'prometheus':
      // ModelMesh's own default; ours is http.
      draft.give('metricsScheme', 'https', from);
      for (const parameter of parameters) readMetricsParameter(parameter, METRICS_PARAMETERS, draft, problem);
      break;
    case 'statsd':
      // ModelMesh has one of the two.
      draft.give('metricsPort', 'none', from);
      draft.give('statsdPort', STATSD_PORT, from);
      for (const parameter of parameters) readMetricsParameter(parameter, STATSD_PARAMETERS, draft, problem);
      break;
    default:
      problem('disabled, or prometheus or statsd with parameters such as prometheus:port=2112');
  }
}

function readMetricsParameter(
  parameter: string,
  known: ReadonlyMap<string, SettingName | null>,
  draft: LayerDraft,
  problem: (expected: string) => void,
): void {
  const [name = '', text = ''] = parameter.split('=', 2);
  const setting = known.get(name);
  if (setting === undefined) problem(`parameters out of ${[...known.keys()].join(', ')}, not ${name}`);
  else if (setting !== null) draft.give(setting, text, 'MM_METRICS', setting === 'metricsProcess' ? memoryDetail : undefined);
}

function readRuntime(env: Environment, draft: LayerDraft): void {
  const management = addressOf(env, draft, 'INTERNAL_GRPC_PORT', 'INTERNAL_GRPC_SOCKET_PATH');
  const inference = addressOf(env, draft, 'INTERNAL_SERVING_GRPC_PORT', 'INTERNAL_SERVING_GRPC_SOCKET_PATH');
  if (management !== undefined) draft.give('runtimeManagement', management.address, management.from);
  if (inference !== undefined) draft.give('runtimeInference', inference.address, inference.from);
  const from = management?.from ?? inference?.from;
  if (from !== undefined) draft.give('runtimeKind', 'external', from);
}

function addressOf(env: Environment, draft: LayerDraft, portName: string, socketName: string) {
  const port = readVariable(env, portName);
  const socket = readVariable(env, socketName);
  if (port !== undefined && socket !== undefined) {
    draft.problems.push({
      name: portName,
      value: shownValue(port),
      from: portName,
      expected: `it unset, as ${socketName} is set`,
    });
    return undefined;
  }
  if (socket !== undefined) return { address: `unix:${socket}`, from: socketName };
  return port === undefined ? undefined : { address: port, from: portName };
}

/** Most labels of the gauge of `MM_INFO_METRICS`. ModelMesh counts the name of the metric among its five, so that it has room for four. */
const INFO_LABELS_MAX = 5;

/**
 * The gauge of `MM_INFO_METRICS`: `name;label=VARIABLE,label=VARIABLE`, labels separated by commas or semicolons, values read from the
 * variables named. `null` if it is not set, or wrong, which is added to the problems.
 */
export function infoMetric(env: Environment, draft: Pick<LayerDraft, 'problems'>) {
  const from = 'MM_INFO_METRICS';
  const value = readVariable(env, from);
  if (value === undefined) return null;
  const problem = (expected: string): null => {
    draft.problems.push({ name: from, value: shownValue(value), from, expected });
    return null;
  };
  const [name = '', ...parts] = value.split(/[;,]/).map((part) => part.trim());
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) return problem('the name of a metric, then label=VARIABLE parts');
  if (parts.length > INFO_LABELS_MAX) return problem(`at most ${INFO_LABELS_MAX} labels`);
  const labels = new Map<string, string>();
  for (const part of parts) {
    const [label = '', variable = ''] = part.split('=', 2);
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) return problem(`label=VARIABLE, not ${part}`);
    const read = env[variable];
    if (read === undefined) return problem(`${variable} to be set, which label ${label} reads`);
    labels.set(label, read);
  }
  return { name, labels };
}
