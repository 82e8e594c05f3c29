import { readFileSync } from 'node:fs';

/** An etcd that can be asked as `etcdctl` asks. */
export interface AskedEtcd {
  ctl(...args: readonly string[]): Promise<string>;
}

/** Where the recorded mesh keeps its records. */
export const JAVA_PLACE = { root: 'mms/mm_ns/mms', prefix: 'mm', service: 'modelmesh-serving' } as const;

/** Keys and values that a ModelMesh node and its controller left in etcd. */
export function javaRecords(): ReadonlyMap<string, string> {
  const text = readFileSync(new URL('../replay/recordings/modelmesh-registry.json', import.meta.url), 'utf8');
  const { keys } = JSON.parse(text) as { readonly keys: Readonly<Record<string, unknown>> };
  return new Map(Object.entries(keys).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]));
}

/** Keys of the session of an instance, which end with it. */
const isOfSession = (key: string): boolean => /\/(instances|leaderLatch)\//.test(key);

/** Puts the recorded registry into an etcd, as a mesh that lives: what belongs to a session hangs on a lease of `ttlSeconds`. @returns the lease */
export async function liveJavaMesh(etcd: AskedEtcd, ttlSeconds = 600): Promise<string> {
  const granted = await etcd.ctl('lease', 'grant', String(ttlSeconds));
  const lease = /lease (\S+) granted/.exec(granted)?.[1] ?? '';
  for (const [key, value] of javaRecords()) {
    if (isOfSession(key)) await etcd.ctl('put', `--lease=${lease}`, key, value);
    else await etcd.ctl('put', key, value);
  }
  return lease;
}

/** Settings of a node, and of the tools, for the recorded mesh. */
export const javaEnvironment = (connectionFile: string): Readonly<Record<string, string>> => ({
  KV_STORE: `etcd:${connectionFile}`,
  MM_KVSTORE_PREFIX: JAVA_PLACE.prefix,
  MM_SERVICE_NAME: JAVA_PLACE.service,
});
