/** ModelMesh's variables that this version has no setting for, and what becomes of them. */

/** A variable that is known and not supported. */
export interface UnsupportedVariable {
  /** Values, in lower case, with which it changes nothing and is accepted silently. */
  readonly harmless: readonly string[];
  /** `refused`: the node would behave otherwise than it was told; `warned`: it has no effect here; `silent`: Kubernetes sets it for all. */
  readonly kind: 'refused' | 'warned' | 'silent';
  readonly because: string;
}

const refused = (because: string, ...harmless: readonly string[]): UnsupportedVariable => ({
  kind: 'refused',
  because,
  harmless,
});
const warned = (because: string, ...harmless: readonly string[]): UnsupportedVariable => ({ kind: 'warned', because, harmless });
const silent = (because: string): UnsupportedVariable => ({ kind: 'silent', because, harmless: [] });

const JVM = 'no effect: it sets up a Java virtual machine';
const SCHEDULER = 'read by nothing';

/** The literal list. */
export const UNSUPPORTED_VARIABLES: ReadonlyMap<string, UnsupportedVariable> = new Map([
  [
    'ZOOKEEPER',
    refused(
      'ZooKeeper is not supported; leave it unset, and move the registry to etcd with KV_STORE=etcd:… or keep it in SQLite',
    ),
  ],
  ['LL_REGISTRY', warned('no effect: nodes are not found through litelinks')],
  ['MM_PAYLOAD_PROCESSORS', refused('payload processors are not supported by this version; leave it unset')],
  ['MM_PAYLOAD_PROCESSORS_THREADS', warned('no effect without payload processors')],
  ['MM_PAYLOAD_PROCESSORS_CAPACITY', warned('no effect without payload processors')],
  ['MM_SEND_DEST_ID', warned('no effect: a call between nodes always names the one that it is for')],
  [
    'GRPC_MAX_HEADERS_SIZE_ENV_VAR',
    warned('no effect, as in ModelMesh, whose sample has this wrong name; use MM_SVC_GRPC_MAX_HEADERS_SIZE'),
  ],
  ['MM_METRICS_STATSD_PORT', warned('no effect, as in ModelMesh')],
  ['MM_METRICS_PROMETHEUS_PORT', warned('no effect, as in ModelMesh; use MM_METRICS')],
  ['MEM_LIMIT_MB', warned(JVM)],
  ['HEAP_SIZE_MB', warned(JVM)],
  ['MAX_DIRECT_BUFS_MB', warned(JVM)],
  ['MAX_GC_PAUSE', warned(JVM)],
  ['NETTY_BUFFER_CHECKS', warned(JVM)],
  ['GC_DIAG', warned(JVM)],
  ['CUSTOM_JVM_ARGS', warned(JVM)],
  ['MM_SERVICE_CLASS', warned(JVM)],
  ['MM_INSTALL_PATH', silent(SCHEDULER)],
  ['SERVICE_VERSION', silent(SCHEDULER)],
  ['WATSON_SERVICE_ADDRESS', silent(SCHEDULER)],
  ['WKUBE_NODE_NAME', silent(SCHEDULER)],
  ['WKUBE_SERVICE_NAME', silent(SCHEDULER)],
  ['WKUBE_SERVICE_PORT_NAME', silent(SCHEDULER)],
  ['EGOSC_INSTANCE_SEQNO', silent(SCHEDULER)],
  ['MESOS_TASK_ID', silent(SCHEDULER)],
]);

/** Why a variable cannot be accepted, in the words of its list. */
export const refusalOf = (listed: UnsupportedVariable): string => `it unset: ${listed.because}`;
