import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Clock, MeshError } from '@modelmesh/core';
import { type RegistryLayout, registryLayout } from '@modelmesh/wire/registry';
import { type Config, configProblemText, parseConfig } from '../config/index.ts';
import { checkEtcdFiles, type Kv, kvStores, readEtcdPlace } from '../kv/index.ts';

/** Where records are: a file, or a mesh in a store. */
export type Place = FilePlace | StorePlace;

/** The path of a file of records. */
export interface FilePlace {
  readonly kind: 'file';
  readonly path: string;
}

/** A mesh in a store. */
export interface StorePlace {
  readonly kind: 'store';
  readonly registry: Config['registry'];
  readonly layout: RegistryLayout;
  /** Whether somebody said where the mesh stands; else the layout is that of the defaults. */
  readonly named: boolean;
  /** As it was given, for messages. */
  readonly text: string;
}

/** What the parts of keys are where a place does not say: see `registry.prefix` and `serviceName` of the configuration. */
export interface PlaceNames {
  readonly prefix?: string | undefined;
  readonly service?: string | undefined;
}

/**
 * Reads a place: `sqlite:FILE`, `etcd:URL,URL` or `etcd:FILE` as ModelMesh's `KV_STORE`, `config:FILE` for the registry that a node with that
 * configuration has, `file:FILE` or the path of a file of records.
 *
 * @throws {MeshError} `invalid-argument` with everything that is wrong, and never a secret
 */
export function readPlace(text: string, names: PlaceNames, folder: string): Place {
  const { scheme, rest } = /^(?<scheme>sqlite|etcd|config|file|zookeeper|memory):(?<rest>.*)$/s.exec(text)?.groups ?? {};
  const path = resolve(folder, rest ?? text);
  const given = {
    ...(names.prefix === undefined ? {} : { MESH_REGISTRY_PREFIX: names.prefix }),
    ...(names.service === undefined ? {} : { MESH_SERVICE_NAME: names.service }),
  };
  switch (scheme) {
    case undefined:
    case 'file':
      if (text === '') throw new MeshError('invalid-argument', 'a place is missing');
      return { kind: 'file', path };
    case 'sqlite':
      return storeOf(text, folder, { MESH_REGISTRY_KIND: 'sqlite', MESH_REGISTRY_PATH: path, ...given });
    case 'etcd': {
      const isFile = /^[./~]/.test(rest ?? '') || !(rest ?? '').includes(':');
      return storeOf(text, folder, { KV_STORE: isFile ? `etcd:${path}` : text, ...given });
    }
    case 'config':
      return storeOf(text, folder, given, path);
    default:
      throw new MeshError(
        'invalid-argument',
        `records are not kept in ${scheme}: name sqlite:FILE, etcd:URL, config:FILE or a file`,
      );
  }
}

function storeOf(text: string, folder: string, env: Readonly<Record<string, string>>, yamlPath?: string): StorePlace {
  const yaml = yamlPath === undefined ? undefined : { path: yamlPath, text: readText(yamlPath) };
  const machine = { hostName: 'registry-tool', tempFolder: folder };
  const named = yamlPath !== undefined || 'MESH_REGISTRY_PREFIX' in env || 'MESH_SERVICE_NAME' in env;
  const result = parseConfig({ yaml, env, flags: new Map(), machine, checks: [checkEtcdFiles] });
  if (!result.ok) throw new MeshError('invalid-argument', result.problems.map(configProblemText).join('; '));
  const { registry, registryPrefix: prefix, serviceName: service } = result.config;
  if (registry.kind === 'memory') throw new MeshError('invalid-argument', `${text}: a registry in memory ends with its node`);
  return { kind: 'store', registry, layout: registryLayout({ root: '', prefix, service }), named, text };
}

/** A file that was named on the command line. @throws {MeshError} `invalid-argument` that names it */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new MeshError('invalid-argument', `${path} cannot be read: ${code}`, { cause });
  }
}

/** Opens the store of a place. @throws {MeshError} `not-found` where an SQLite file to read is missing; as the store says */
export async function openPlace({ registry, text }: StorePlace, clock: Clock, onlyReads: boolean): Promise<Kv> {
  switch (registry.kind) {
    case 'sqlite':
      if (onlyReads && !existsSync(registry.path)) throw new MeshError('not-found', `${text}: there is no such file`);
      return kvStores.sqlite({ location: registry.path, clock, onlyReads });
    case 'etcd':
      return kvStores.etcd({ location: '', etcd: readEtcdPlace(registry), clock, onlyReads });
    case 'memory':
      throw new MeshError('invalid-argument', 'a registry in memory ends with its node');
  }
}
