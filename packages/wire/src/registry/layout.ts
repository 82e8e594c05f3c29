import {
  assertNever,
  DEFAULT_NAMESPACE,
  endpointId,
  type InstanceId,
  instanceId,
  MeshError,
  modelKey,
  type Namespace,
  namespace,
} from '@modelmesh/core';
import {
  endpointRecordKey,
  figuresRecordKey,
  instanceRecordKey,
  modelRecordKey,
  policyAckKey,
  policyRecordKey,
  policyRevisionKey,
  type RecordKey,
  weightsRecordKey,
} from '@modelmesh/core/records';

/**
 * Where the records of a mesh stand in a store: `<root>/<prefix>/<service>/<table>/<id>`, those of other namespaces under
 * `<root>/mm_ns/<namespace>` instead of `<root>`. Source: spec `modelmesh.md` §3.1. Made by {@link registryLayout}.
 */
export interface RegistryLayout {
  /** etcd's `root_prefix`; may be empty and may hold slashes. */
  readonly root: string;
  /** `MM_KVSTORE_PREFIX`. */
  readonly prefix: string;
  /** `MM_SERVICE_NAME`. */
  readonly service: string;
}

/** ModelMesh's `MM_KVSTORE_PREFIX` where none is set. */
export const DEFAULT_KVSTORE_PREFIX = 'tas-runtime';

const NAMESPACES = 'mm_ns';

/** Checks the parts of a layout. @throws {MeshError} `invalid-argument` that names the part and what it must be. */
export function registryLayout({ root, prefix, service }: RegistryLayout): RegistryLayout {
  if (root.endsWith('/')) throw new MeshError('invalid-argument', `the root of the registry must not end with a slash: ${root}`);
  if (!/^[^\s/]+$/.test(prefix) || prefix === NAMESPACES) {
    throw new MeshError(
      'invalid-argument',
      `the registry's prefix must be a word without blanks and slashes, not ${NAMESPACES}: ${prefix}`,
    );
  }
  if (!/^[^/]+$/.test(service))
    throw new MeshError('invalid-argument', `the service name must be a word without slashes: ${service}`);
  return { root, prefix, service };
}

/** Tables that stand in the key space of a namespace. */
type Table =
  | 'registry'
  | 'vmodels'
  | 'endpoints'
  | 'endpoint-revisions'
  | 'endpoint-weights'
  | 'instances'
  | 'strategy-figures'
  | 'policy-acks';

function baseOf(layout: RegistryLayout, space: Namespace): string {
  if (space.includes('/')) throw new MeshError('invalid-argument', `a namespace must not hold a slash: ${space}`);
  const root = space === DEFAULT_NAMESPACE ? layout.root : `${layout.root}/${NAMESPACES}/${space}`;
  return `${root}/${layout.prefix}/${layout.service}/`;
}

const inTable = (layout: RegistryLayout, space: Namespace, table: Table, id: string): string =>
  `${baseOf(layout, space)}${table}/${id}`;

/** The key under which a record stands. @throws {MeshError} `invalid-argument` if its namespace holds a slash. */
export function recordKeyText(layout: RegistryLayout, key: RecordKey): string {
  switch (key.kind) {
    case 'model':
      return inTable(layout, key.namespace, 'registry', key.key);
    case 'endpoint':
      return inTable(layout, key.namespace, 'vmodels', key.id);
    case 'policy':
      return inTable(layout, key.namespace, 'endpoints', key.id);
    case 'policy-revision':
      return inTable(layout, key.namespace, 'endpoint-revisions', `${key.id}/${key.revision}`);
    case 'instance':
      return inTable(layout, DEFAULT_NAMESPACE, 'instances', key.id);
    case 'weights':
      return inTable(layout, key.namespace, 'endpoint-weights', key.id);
    case 'figures':
      return inTable(layout, DEFAULT_NAMESPACE, 'strategy-figures', key.id);
    case 'policy-ack':
      return inTable(layout, DEFAULT_NAMESPACE, 'policy-acks', key.id);
    default:
      return assertNever(key);
  }
}

/** The namespace of a key and what follows its base, whatever that is; `undefined` if the key belongs to another mesh. */
export function splitKey(layout: RegistryLayout, text: string): { space: Namespace; path: string } | undefined {
  const own = baseOf(layout, DEFAULT_NAMESPACE);
  if (text.startsWith(own)) return { space: DEFAULT_NAMESPACE, path: text.slice(own.length) };
  const spaces = `${layout.root}/${NAMESPACES}/`;
  if (!text.startsWith(spaces)) return undefined;
  const name = text.slice(spaces.length, text.indexOf('/', spaces.length));
  if (name === '' || name === DEFAULT_NAMESPACE) return undefined;
  const base = baseOf(layout, namespace(name));
  return text.startsWith(base) ? { space: namespace(name), path: text.slice(base.length) } : undefined;
}

function policyRevisionOf(space: Namespace, id: string): RecordKey | undefined {
  const match = /^(.+)\/([1-9][0-9]{0,14})$/s.exec(id);
  const name = match?.[1];
  return name === undefined ? undefined : policyRevisionKey(endpointId(name), Number(match?.[2]), space);
}

/** The key of what {@link splitKey} gives. @throws {MeshError} `invalid-argument` if the namespace holds a slash */
export const joinKey = (layout: RegistryLayout, { space, path }: { readonly space: Namespace; readonly path: string }): string =>
  baseOf(layout, space) + path;

/** What stands under a key of the store; `undefined` if it is no record of this mesh (a leader's latch, a parameter, another mesh's). */
export function parseRecordKey(layout: RegistryLayout, text: string): RecordKey | undefined {
  const split = splitKey(layout, text);
  if (split === undefined) return undefined;
  const { space, path } = split;
  const slash = path.indexOf('/');
  const id = path.slice(slash + 1);
  if (slash < 0 || id === '') return undefined;
  switch (path.slice(0, slash)) {
    case 'registry':
      return modelRecordKey(modelKey(id), space);
    case 'vmodels':
      return endpointRecordKey(endpointId(id), space);
    case 'endpoints':
      return policyRecordKey(endpointId(id), space);
    case 'endpoint-revisions':
      return policyRevisionOf(space, id);
    case 'endpoint-weights':
      return weightsRecordKey(endpointId(id), space);
    case 'strategy-figures':
      return space !== DEFAULT_NAMESPACE || id.includes(',') ? undefined : figuresRecordKey(instanceId(id));
    case 'instances':
      return space !== DEFAULT_NAMESPACE || id.includes(',') ? undefined : instanceRecordKey(instanceId(id));
    case 'policy-acks':
      return space !== DEFAULT_NAMESPACE || id.includes(',') ? undefined : policyAckKey(instanceId(id));
    default:
      return undefined;
  }
}

/** The prefixes under which all records of a mesh stand, its other namespaces last. Not every key below them is a record of this mesh. */
export const registryPrefixes = (layout: RegistryLayout): readonly [own: string, namespaces: string] => [
  baseOf(layout, DEFAULT_NAMESPACE),
  `${layout.root}/${NAMESPACES}/`,
];

/** The prefix of the instances' records. */
export const instancesPrefix = (layout: RegistryLayout): string => `${baseOf(layout, DEFAULT_NAMESPACE)}instances/`;

/** The key of `{written, readableFrom}`: which versions wrote and can read this registry. */
export const schemaKey = (layout: RegistryLayout): string => `${baseOf(layout, DEFAULT_NAMESPACE)}schema`;

/** The prefix of the dynamic parameters, plain strings by name. */
export const configPrefix = (layout: RegistryLayout): string => `${baseOf(layout, DEFAULT_NAMESPACE)}config/`;

/** The prefix of the keys by which instances stand for leader. */
export const leadersPrefix = (layout: RegistryLayout): string => `${baseOf(layout, DEFAULT_NAMESPACE)}leaderLatch/`;

/** The key by which an instance stands for leader; its value is the id with the same underscore before it. */
export const leaderKey = (layout: RegistryLayout, instance: InstanceId): string => `${leadersPrefix(layout)}_${instance}`;
