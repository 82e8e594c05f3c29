/** The settings of the registry. */
import type { EtcdAddress } from './config.ts';
import { setting } from './setting.ts';
import { etcdAddress, listOf, oneOf, path, text } from './value-kind.ts';

const word = text('a word without blanks and slashes', /^[^\s/\p{Cc}]+$/u);

/** Where records live, and how the store is reached. */
export const REGISTRY_SETTINGS = {
  registryKind: setting<'sqlite' | 'memory' | 'etcd'>({
    path: 'registry.kind',
    kind: oneOf('sqlite', 'memory', 'etcd'),
    default: 'sqlite',
    live: false,
    doc: 'Where records live. `memory` forgets them when the node ends; `etcd` is shared by many nodes.',
  }),
  registryPath: setting<string | null>({
    path: 'registry.path',
    kind: path,
    default: null,
    defaultText: '`registry.sqlite` in `dataDir`',
    live: false,
    doc: 'The SQLite file.',
  }),
  registryEndpoints: setting<readonly EtcdAddress[]>({
    path: 'registry.endpoints',
    kind: listOf(etcdAddress),
    default: [],
    live: false,
    doc: 'Members of the etcd cluster, tried in their order. With `https` the connection is protected by TLS.',
  }),
  registryFile: setting<string | null>({
    path: 'registry.file',
    kind: path,
    default: null,
    live: false,
    doc: "A file with all that there is to say of etcd in ModelMesh's JSON, instead of the settings beside this one.",
  }),
  registryRoot: setting<string | null>({
    path: 'registry.rootPrefix',
    kind: text('a text without white space', /^\S+$/),
    default: null,
    live: false,
    doc: 'Stands before every key in etcd, for clusters that are shared. Never change it once there are records.',
  }),
  registryCa: setting<string | null>({
    path: 'registry.caPath',
    kind: path,
    default: null,
    defaultText: "the system's authorities",
    live: false,
    doc: "PEM file of the authorities that etcd's certificate is trusted by. Read again with each connection, as the two below.",
  }),
  registryCert: setting<string | null>({
    path: 'registry.certPath',
    kind: path,
    default: null,
    live: false,
    doc: "PEM file of the node's certificate for etcd.",
  }),
  registryKey: setting<string | null>({
    path: 'registry.keyPath',
    kind: path,
    default: null,
    live: false,
    doc: 'PEM file of its private key.',
  }),
  registryUser: setting<string | null>({
    path: 'registry.user',
    kind: text(),
    default: null,
    live: false,
    doc: 'User of etcd, where it asks for one. It needs read and write access to every key below the root prefix.',
  }),
  registryPasswordFile: setting<string | null>({
    path: 'registry.passwordFile',
    kind: path,
    default: null,
    live: false,
    doc: 'File with the password of the user. Read again with each sign-in.',
  }),
  registryAuthority: setting<string | null>({
    path: 'registry.authority',
    kind: text(),
    default: null,
    defaultText: 'the endpoint',
    live: false,
    doc: "The host that requests to etcd name, and that its certificate is for, where it is not the endpoint's.",
  }),
  registryPrefix: setting({
    path: 'registry.prefix',
    kind: word,
    default: 'tas-runtime',
    modelMesh: { names: ['MM_KVSTORE_PREFIX'] },
    live: false,
    doc: 'First element of every registry key. Never change it once there are records.',
  }),
};
