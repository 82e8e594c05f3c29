import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Environment, parseConfig } from './index.ts';
import { COMPOSITE_VARIABLES } from './modelmesh-variables.ts';
import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';
import { UNSUPPORTED_VARIABLES } from './unsupported-variables.ts';

/** Every variable that the specification of ModelMesh names (§7.1, §6.7). */
const VARIABLES_OF_MODELMESH: readonly string[] = `
  BOOTSTRAP_CLEARANCE_PERIOD_MS CUSTOM_JVM_ARGS EGOSC_INSTANCE_SEQNO GC_DIAG GRPC_MAX_HEADERS_SIZE_ENV_VAR
  HEAP_SIZE_MB INTERNAL_GRPC_PORT INTERNAL_GRPC_SOCKET_PATH INTERNAL_SERVING_GRPC_PORT
  INTERNAL_SERVING_GRPC_SOCKET_PATH KV_READ_ONLY KV_STORE LL_REGISTRY MAX_DIRECT_BUFS_MB MAX_GC_PAUSE MEM_LIMIT_MB
  MESOS_TASK_ID MM_AUTO_REGISTER_MODEL MM_AUTO_REGISTER_MODELS MM_AUTO_REGISTER_MODELS_PATH
  MM_AUTO_REGISTER_MODEL_PATH MM_CONC_SCALEUP_BANDWIDTH_PCT MM_DATAPLANE_CONFIG MM_DATAPLANE_CONFIG_PATH
  MM_DEFAULT_VMODEL_OWNER MM_ENABLE_SSL MM_FAILFAST_UPGRADE_ENABLED MM_INFO_METRICS MM_INSTALL_PATH
  MM_INTERNAL_TRUST_CERTS MM_INTRACLUSTER_CLIENTAUTH MM_KVSTORE_PREFIX MM_LABELS MM_LOAD_FAILURE_EXPIRY_TIME_MS
  MM_LOCATION MM_LOG_EACH_INVOKE MM_LOG_PROMETHEUS_REQS MM_LOG_REQUEST_HEADERS MM_MAX_INFLIGHT_PER_MODEL_COPY
  MM_METRICS MM_METRICS_PROMETHEUS_PORT MM_METRICS_STATSD_PORT MM_MULTI_PARALLELISM MM_PAYLOAD_PROCESSORS
  MM_PAYLOAD_PROCESSORS_CAPACITY MM_PAYLOAD_PROCESSORS_THREADS MM_PRESTOP_WAIT_PORT MM_PROBE_PORT
  MM_SCALEUP_RPM_THRESHOLD MM_SEND_DEST_ID MM_SERVICE_CLASS MM_SERVICE_NAME MM_SVC_GRPC_CA_CERT_PATH
  MM_SVC_GRPC_MAX_CONNECTION_AGE_GRACE_SECS MM_SVC_GRPC_MAX_CONNECTION_AGE_SECS MM_SVC_GRPC_MAX_HEADERS_SIZE
  MM_SVC_GRPC_MAX_MSG_SIZE MM_SVC_GRPC_PORT MM_SVC_GRPC_PRIVATE_KEY_PASSPHRASE MM_SVC_GRPC_PRIVATE_KEY_PATH
  MM_TLS_CLIENT_AUTH MM_TLS_KEY_CERT_PATH MM_TLS_PRIVATE_KEY_PASSPHRASE MM_TLS_PRIVATE_KEY_PATH
  MM_TLS_TRUST_CERT_PATH MM_TRUST_CERTS MM_TYPE_CONSTRAINTS MM_TYPE_CONSTRAINTS_PATH MM_ZONE NETTY_BUFFER_CHECKS
  SERVICE_VERSION SHUTDOWN_TIMEOUT_MS TAS_SERVICE_NAME TAS_SVC_GRPC_CA_CERT_PATH TAS_SVC_GRPC_PORT
  TAS_SVC_GRPC_PRIVATE_KEY_PATH WATSON_SERVICE_ADDRESS WKUBE_NODE_IP WKUBE_NODE_NAME WKUBE_POD_IPADDR WKUBE_POD_NAME
  WKUBE_SERVICE_NAME WKUBE_SERVICE_PORT_NAME ZOOKEEPER
`
  .trim()
  .split(/\s+/);

function rulesOf(env: Environment) {
  const parsed = parseConfig({ env, flags: new Map(), machine: { hostName: 'host', tempFolder: '/tmp' }, checks: [] });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.config.dataPlaneRules;
}

describe('the variables of ModelMesh', () => {
  it('§7.1 are all known: taken over, refused, or ignored with a sentence', () => {
    const known = new Set<string>([
      ...Object.values<Setting<unknown>>(SETTINGS).flatMap(({ modelMesh }) => modelMesh?.names ?? []),
      ...COMPOSITE_VARIABLES,
      ...UNSUPPORTED_VARIABLES.keys(),
    ]);
    assert.equal(VARIABLES_OF_MODELMESH.length, 84);
    assert.deepEqual(
      VARIABLES_OF_MODELMESH.filter((name) => !known.has(name)),
      [],
    );
  });

  it('§6.2 that are unset under MM_COMPAT leave messages unread: every method is allowed and routed by its headers', () => {
    const compat = { MM_COMPAT: 'modelmesh', MM_SERVICE_NAME: 's' };
    assert.deepEqual(rulesOf(compat), { kind: 'inline', json: '{"allowOtherRpcs": true}' });
    assert.deepEqual(rulesOf({ ...compat, MM_DATAPLANE_CONFIG_PATH: '/rules.json' }), { kind: 'file', path: '/rules.json' });
    assert.deepEqual(rulesOf({}), { kind: 'default' });
  });
});
