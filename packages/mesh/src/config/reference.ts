import { flagOf, type Setting, variableOf } from './setting.ts';
import { SETTINGS, type SettingName } from './settings.ts';
import { UNSUPPORTED_VARIABLES, type UnsupportedVariable } from './unsupported-variables.ts';

const INTRODUCTION = `# Configuration

<!-- Made from the table of settings in packages/mesh/src/config. Change the table, then run tools/docs/write-reference.ts; a test compares. -->

A node reads its configuration once at its start: defaults, outranked by a YAML file (\`--config\` or \`MESH_CONFIG\`), outranked by
environment variables, outranked by flags. Everything that is wrong is reported at once, each with its name, its value, where it came from
and what is expected; the node then does not start. Fields and flags that are not known are refused; variables that start with \`MESH_\` or
\`MM_\` and are not known are warned about. A variable that is set to nothing counts as not set.

Each setting has a path in YAML, a variable and a flag. Of a ModelMesh variable that is set, syntax and meaning are ModelMesh's; our
own variable outranks it. Durations are written \`500ms\`, \`30s\`, \`15m\`, sizes \`512Ki\`, \`16Mi\`, \`1Gi\` or as a plain number of bytes.

Settings marked *live* can be changed while the node runs: it reads the file again when the file changes or on \`SIGHUP\`. The new
configuration is checked whole and then takes the place of the old one, or the old one stays and the log says why, also when a setting
that is not live was changed. Certificates and the data-plane file are watched by themselves.

\`MM_COMPAT=modelmesh\` gives unset settings ModelMesh's defaults where they differ. Two defaults are kept, since a node would be of no use
with ModelMesh's: the inference port stays 8033 (ModelMesh opens none), and metrics are shown to Prometheus (ModelMesh sends StatsD).
`;

const INDIRECT = `## Variables of ModelMesh that are several settings

| variable | meaning here |
| --- | --- |
| \`MM_METRICS\` | \`disabled\`, or \`prometheus\` with \`:\` and parameters separated by \`;\`: \`port\`, \`scheme\` (\`https\` unless given), \`fq_names\`, \`per_model_metrics\`, \`mem_detail\` (\`none\` hides process metrics), \`legacy\` (no effect); or \`statsd\` with \`port\` (8126), \`legacy\` and \`fq_names\`, which switches the page for Prometheus off |
| \`MM_INFO_METRICS\` | \`name;label=VARIABLE,…\`: a gauge that is always 1, with at most five labels whose values are read from the variables named |
| \`INTERNAL_GRPC_PORT\`, \`INTERNAL_GRPC_SOCKET_PATH\` | \`runtime.kind\` external and \`runtime.management\`; one of the two |
| \`INTERNAL_SERVING_GRPC_PORT\`, \`INTERNAL_SERVING_GRPC_SOCKET_PATH\` | \`runtime.kind\` external and \`runtime.inference\`; one of the two |
| \`KV_STORE\` | \`registry.kind\` etcd and \`registry.file\`, or \`registry.endpoints\` for what is no path and has a colon: \`etcd:/opt/kserve/mmesh/etcd/etcd_connection\`, \`etcd:http://a:2379,http://b:2379\`. ZooKeeper is refused |
| \`LL_TERMINATION_MSG_PATH\` | the file that gets the sentence why a node could not start; \`/dev/termination-log\` where there is one |
`;

/** The page \`docs/reference/configuration.md\`. */
export function configurationReference(): string {
  const names = Object.keys(SETTINGS) as SettingName[];
  const sections = new Map<string, SettingName[]>();
  for (const name of names) {
    const parts = SETTINGS[name].path.split('.');
    const section = parts.length === 1 ? 'node' : (parts[0] ?? '');
    sections.set(section, [...(sections.get(section) ?? []), name]);
  }
  const tables = [...sections].map(([section, rows]) => `## ${section}\n\n${rows.map(entryOf).join('\n')}`);
  return `${[INTRODUCTION, ...tables, INDIRECT, unsupported()].join('\n')}`;
}

function entryOf(name: SettingName): string {
  const row: Setting<unknown> = SETTINGS[name];
  const lines = [
    `### \`${row.path}\``,
    '',
    `${row.doc}${row.live ? ' *Live.*' : ''}`,
    '',
    `- expected: ${row.kind.expected.replaceAll('|', '\\|')}`,
    `- default: ${row.defaultText ?? shown(row.default)}${compatText(row)}`,
    `- variable: \`${variableOf(row.path)}\`, flag: \`${flagOf(row.path)}\``,
  ];
  if (row.modelMesh !== undefined) {
    const syntax = row.modelMesh.kind === undefined ? '' : ` (${row.modelMesh.kind.expected})`;
    lines.push(`- ModelMesh: ${row.modelMesh.names.map((variable) => `\`${variable}\``).join(', ')}${syntax}`);
  }
  return `${lines.join('\n')}\n`;
}

function compatText(row: Setting<unknown>): string {
  return row.modelMeshDefault === undefined ? '' : `; under \`MM_COMPAT=modelmesh\`: ${shown(row.modelMeshDefault)}`;
}

function shown(value: unknown): string {
  if (value === null || value === '') return 'none';
  if (Array.isArray(value) && value.length === 0) return 'none';
  return `\`${String(value)}\``;
}

const MEANING: Readonly<Record<UnsupportedVariable['kind'], string>> = {
  refused: 'the node does not start',
  warned: 'a warning',
  silent: 'accepted silently',
};

function unsupported(): string {
  const rows = [...UNSUPPORTED_VARIABLES].map(([name, { kind, because, harmless }]) => {
    const except = harmless.length === 0 ? '' : `, except for ${harmless.map((value) => `\`${value}\``).join(', ')}`;
    return `| \`${name}\` | ${MEANING[kind]}${except} | ${because} |`;
  });
  return `## Variables of ModelMesh that this version does not support

| variable | when set | why |
| --- | --- | --- |
${rows.join('\n')}
`;
}
