import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  CONFIG_PROBLEMS_MAX,
  type Config,
  type ConfigSources,
  configProblemText,
  configurationReference,
  NO_TIMEOUT_MS,
  parseConfig,
  parseFlags,
} from './index.ts';
import { COMPOSITE_VARIABLES } from './modelmesh-variables.ts';
import { flagOf, variableOf } from './setting.ts';
import { SETTINGS } from './settings.ts';
import { UNSUPPORTED_VARIABLES } from './unsupported-variables.ts';

const MACHINE = { hostName: 'laptop.example', tempFolder: '/tmp' };

interface Given {
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly checks?: ConfigSources['checks'];
}

function parse({ yaml, env = {}, args = [], checks = [] }: Given) {
  return parseConfig({
    yaml: yaml === undefined ? undefined : { path: 'mesh.yaml', text: yaml },
    env,
    flags: parseFlags(args).flags,
    machine: MACHINE,
    checks,
  });
}

function configOf(given: Given): Config {
  const parsed = parse(given);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(configProblemText).join('\n'));
  return parsed.config;
}

function problemsOf(given: Given): string[] {
  const parsed = parse(given);
  assert.equal(parsed.ok, false);
  return parsed.ok ? [] : parsed.problems.map(configProblemText);
}

const warningsOf = (env: Readonly<Record<string, string>>): string[] => parse({ env }).warnings.map(configProblemText);

/** Settings that may be any text. */
const FREE_TEXTS = [
  'zone',
  'defaultEndpointOwner',
  'labels',
  'dataPlane.rules',
  'placement.typeConstraints',
  'staticModels.inline',
  'peer.tls.keyPassphrase',
];

describe('a configuration without any source', () => {
  it('is complete: one port for inference and management, probes, pre-stop, metrics, SQLite, the embedded runtime', () => {
    const config = configOf({});
    assert.equal(config.serviceName, 'model-mesh');
    assert.equal(config.instanceId, 'ptop.example', 'the last twelve characters of laptop.example');
    assert.deepEqual(
      config.listeners.map(({ port, roles, tls }) => [port, [...roles], tls]),
      [[8033, ['inference', 'management'], false]],
    );
    assert.deepEqual([config.probes?.port, config.prestop?.port, config.metrics?.listener.port], [8089, 8090, 2112]);
    assert.deepEqual(config.registry, { kind: 'sqlite', path: '.mmesh/registry.sqlite' });
    assert.equal(config.runtime.kind, 'embedded');
    assert.deepEqual(config.dataPlaneRules, { kind: 'default' });
    assert.equal(config.limits.unaryTimeoutMs, 300_000);
  });

  it('is frozen throughout', () => {
    const config = configOf({});
    assert.ok(Object.isFrozen(config));
    assert.ok(Object.isFrozen(config.limits));
    assert.ok(Object.isFrozen(config.listeners[0]));
  });

  it("has ModelMesh's defaults under MM_COMPAT=modelmesh", () => {
    const config = configOf({ env: { MM_COMPAT: 'modelmesh', MM_SERVICE_NAME: 'mm' } });
    assert.equal(config.modelMeshCompat, true);
    assert.equal(config.limits.headerListBytesMax, 8192);
    assert.equal(config.limits.unaryTimeoutMs, NO_TIMEOUT_MS);
    assert.equal(config.metrics?.scheme, 'https');
    assert.deepEqual(config.runtime, {
      kind: 'external',
      management: [
        { kind: 'unix', path: '/tmp/mmesh/grpc.sock' },
        { kind: 'tcp', host: 'localhost', port: 8085 },
      ],
      inference: null,
    });
    assert.deepEqual(problemsOf({ env: { MM_COMPAT: 'modelmesh' } }), [
      'serviceName (from default): missing, expected a name: MM_SERVICE_NAME is required under MM_COMPAT=modelmesh',
    ]);
  });
});

describe('sources outrank one another', () => {
  const yaml = 'limits: {connectionsMax: 1}\n';
  const modelMesh = { MM_PROBE_PORT: '1000' };

  it('defaults, YAML, variables, flags', () => {
    const env = { MESH_LIMITS_CONNECTIONS_MAX: '2' };
    const args = ['--limits-connections-max', '3'];
    assert.equal(configOf({ yaml }).limits.connectionsMax, 1);
    assert.equal(configOf({ yaml, env }).limits.connectionsMax, 2);
    assert.equal(configOf({ yaml, env, args }).limits.connectionsMax, 3);
  });

  it("our variables outrank ModelMesh's, and of those the first name that is set counts", () => {
    assert.equal(configOf({ env: modelMesh }).probes?.port, 1000);
    assert.equal(configOf({ env: { ...modelMesh, MESH_PROBES_PORT: '1001' } }).probes?.port, 1001);
    assert.equal(configOf({ env: { TAS_SERVICE_NAME: 'old' } }).serviceName, 'old');
    assert.equal(configOf({ env: { TAS_SERVICE_NAME: 'old', MM_SERVICE_NAME: 'new' } }).serviceName, 'new');
  });

  it('a variable set to nothing and a field left empty count as not set', () => {
    assert.equal(
      configOf({ env: { MM_SERVICE_NAME: ' ', MESH_PROBES_PORT: '' }, yaml: 'zone:\nserviceName: ~\n' }).probes?.port,
      8089,
    );
  });

  it('every setting can be given by its variable and by its flag', () => {
    const paths = Object.values(SETTINGS).map(({ path }) => path);
    assert.equal(new Set(paths.map(variableOf)).size, paths.length);
    assert.equal(new Set(paths.map(flagOf)).size, paths.length);
    for (const path of paths) {
      const [byVariable, byFlag] = [{ env: { [variableOf(path)]: '\0' } }, { args: [`${flagOf(path)}=\0`] }];
      for (const given of [byVariable, byFlag]) {
        const parsed = parse(given);
        const named = parsed.ok ? [] : parsed.problems.map(({ name }) => name);
        const free = FREE_TEXTS.includes(path);
        assert.ok(free || named.includes(path), `${path} was not read from ${JSON.stringify(given)}`);
      }
    }
  });
});

describe("ModelMesh's variables", () => {
  it('have its syntax and meaning', () => {
    const config = configOf({
      env: {
        MM_SVC_GRPC_PORT: '9000',
        MM_SVC_GRPC_MAX_MSG_SIZE: '1048576',
        MM_SVC_GRPC_MAX_CONNECTION_AGE_SECS: '60',
        MM_SVC_GRPC_MAX_CONNECTION_AGE_GRACE_SECS: '5',
        MM_LOAD_FAILURE_EXPIRY_TIME_MS: '60000',
        SHUTDOWN_TIMEOUT_MS: '90000',
        MM_PROBE_PORT: 'NONE',
        MM_LABELS: ' gpu, big ,,',
        WKUBE_POD_NAME: 'modelmesh-serving-7d9f8b6c5d-x2z4q',
        MM_LOG_REQUEST_HEADERS: '{"X-Request-Id":"rid","x-user-bin":"user"}',
        MM_DATAPLANE_CONFIG: '{"rpcConfigs":{}}',
        MM_LOG_EACH_INVOKE: 'true',
      },
    });
    assert.equal(config.listeners[0]?.port, 9000);
    assert.equal(config.limits.messageBytesMax, 1_048_576);
    assert.deepEqual([config.limits.connectionAgeMaxMs, config.limits.connectionAgeGraceMs], [60_000, 5000]);
    assert.equal(config.cache.loadFailureExpiryMs, 60_000);
    assert.equal(config.shutdownTimeoutMs, 90_000);
    assert.equal(config.probes, null);
    assert.deepEqual([...config.labels], ['big', 'gpu']);
    assert.equal(config.instanceId, 'b6c5d-x2z4q'.padStart(12, '8'));
    assert.deepEqual(
      [...config.logHeaders],
      [
        ['x-request-id', 'rid'],
        ['x-user-bin', 'user'],
      ],
    );
    assert.deepEqual(config.dataPlaneRules, { kind: 'inline', json: '{"rpcConfigs":{}}' });
    assert.equal(config.logEachInvocation, true);
  });

  it('MM_METRICS sets everything of metrics', () => {
    const metrics = (value: string) => configOf({ env: { MM_METRICS: value } }).metrics;
    assert.equal(metrics('disabled'), null);
    assert.equal(metrics('prometheus')?.scheme, 'https');
    const full = metrics('prometheus:port=2113;scheme=http;fq_names=true;per_model_metrics=true;mem_detail=none');
    assert.deepEqual(
      [full?.listener.port, full?.scheme, full?.fullMethodNames, full?.perModel, full?.processMetrics],
      [2113, 'http', true, true, false],
    );
    const statsd = configOf({ env: { MM_METRICS: 'statsd:port=9125;legacy=true;fq_names=true' } });
    assert.deepEqual(statsd.statsd, { host: '127.0.0.1', port: 9125, legacy: true, fullMethodNames: true });
    assert.equal(statsd.metrics, null, 'ModelMesh has one of the two');
    assert.equal(configOf({ env: { MM_METRICS: 'statsd' } }).statsd?.port, 8126);
    assert.equal(configOf({}).statsd, null);
    assert.equal(configOf({ env: { MM_COMPAT: 'modelmesh', MM_SERVICE_NAME: 's' } }).statsd, null);
    assert.match(problemsOf({ env: { MM_METRICS: 'statsd:scheme=http' } })[0] ?? '', /port, fq_names, legacy, not scheme/);
    assert.match(problemsOf({ env: { MM_METRICS: 'prometheus:prot=1' } })[0] ?? '', /port, scheme.*not prot/);
    assert.match(problemsOf({ env: { MM_METRICS: 'prometheus:port=x' } })[0] ?? '', /metrics\.port \(from MM_METRICS\): got "x"/);
  });

  it('MM_INFO_METRICS reads the values of its labels from other variables', () => {
    const env = { MM_INFO_METRICS: 'build_info;version=VERSION,pod=POD', VERSION: '1.2', POD: 'p-0' };
    assert.deepEqual(configOf({ env }).metrics?.info, {
      name: 'build_info',
      labels: new Map([
        ['version', '1.2'],
        ['pod', 'p-0'],
      ]),
    });
    assert.match(problemsOf({ env: { MM_INFO_METRICS: 'i;a=MISSING' } })[0] ?? '', /MISSING to be set/);
    const five = 'i;a=A,b=A,c=A,d=A,e=A';
    assert.equal(configOf({ env: { MM_INFO_METRICS: five, A: '1' } }).metrics?.info?.labels.size, 5, 'the name counts for none');
    assert.match(problemsOf({ env: { MM_INFO_METRICS: `${five},f=A`, A: '1' } })[0] ?? '', /at most 5 labels/);
    assert.match(problemsOf({ env: { MM_INFO_METRICS: 'no good' } })[0] ?? '', /the name of a metric/);
  });

  it('the address of a runtime makes it an external one', () => {
    const runtime = (env: Readonly<Record<string, string>>) => configOf({ env }).runtime;
    assert.deepEqual(runtime({ INTERNAL_GRPC_PORT: '8085', INTERNAL_SERVING_GRPC_SOCKET_PATH: '/tmp/s.sock' }), {
      kind: 'external',
      management: [{ kind: 'tcp', host: 'localhost', port: 8085 }],
      inference: { kind: 'unix', path: '/tmp/s.sock' },
    });
    const both = { INTERNAL_GRPC_PORT: '8085', INTERNAL_GRPC_SOCKET_PATH: '/tmp/s.sock' };
    assert.match(problemsOf({ env: both })[0] ?? '', /INTERNAL_GRPC_PORT.*as INTERNAL_GRPC_SOCKET_PATH is set/);
  });

  it('KV_STORE names a file, a list or a URL of etcd (§3.1)', () => {
    const registry = (value: string) => configOf({ env: { KV_STORE: value } }).registry;
    const endpoints = (value: string) => {
      const found = registry(value);
      return found.kind === 'etcd' && 'settings' in found.from ? found.from.settings.endpoints : found;
    };
    assert.deepEqual(registry('etcd:/opt/etcd_connection'), { kind: 'etcd', from: { file: '/opt/etcd_connection' } });
    assert.deepEqual(registry('etcd:etcd.json'), { kind: 'etcd', from: { file: 'etcd.json' } });
    assert.deepEqual(endpoints('etcd:model-mesh-etcd:2379'), [{ scheme: 'http', host: 'model-mesh-etcd', port: 2379 }]);
    assert.deepEqual(endpoints('etcd:https://a,https://[::1]:4001'), [
      { scheme: 'https', host: 'a', port: 2379 },
      { scheme: 'https', host: '::1', port: 4001 },
    ]);
    for (const wrong of ['etcd:', 'consul:x', 'etcd:http://a:99999']) {
      assert.match(problemsOf({ env: { KV_STORE: wrong } })[0] ?? '', /KV_STORE/, wrong);
    }
  });

  it('that would be disobeyed stop the node, harmless ones are warned about, those of Kubernetes pass', () => {
    for (const [name, { kind }] of UNSUPPORTED_VARIABLES) {
      const parsed = parse({ env: { [name]: 'x' } });
      assert.equal(parsed.ok, kind !== 'refused', name);
      assert.equal(parsed.warnings.length, kind === 'warned' ? 1 : 0, name);
    }
    assert.equal(configOf({ env: { KV_READ_ONLY: 'TRUE' } }).readOnly, true);
    assert.equal(configOf({ env: { KV_READ_ONLY: 'false' } }).readOnly, false);
    assert.match(problemsOf({ env: { KV_STORE: 'zookeeper:zk:2181' } })[0] ?? '', /no ZooKeeper/);
  });

  it('that are misspelt are warned about with the name that was meant', () => {
    assert.match(warningsOf({ MM_SERVCE_NAME: 'x' })[0] ?? '', /did you mean MM_SERVICE_NAME/);
    assert.match(warningsOf({ MESH_PROBES_PROT: '1' })[0] ?? '', /did you mean MESH_PROBES_PORT/);
    assert.deepEqual(warningsOf({ MESH_SERVICE_HOST: '10.0.0.1', MESH_PORT_80_TCP: 'x', MESH_CONFIG: 'mesh.yaml' }), []);
  });
});

describe('problems', () => {
  it('are reported all at once, each with name, value, place and expectation', () => {
    const problems = problemsOf({
      yaml: 'probes:\n  prot: 1\n  port: high\nlimits: 5\nextra: {a: 1}\n',
      env: { MM_TLS_CLIENT_AUTH: 'maybe' },
      args: ['--shutdown-timeout', '5', '--no-such', '1'],
    });
    assert.deepEqual(problems, [
      'probes.prot (from mesh.yaml:2): unknown, expected another field: did you mean port?',
      `limits (from mesh.yaml:4): got 5, expected an object with ${Object.values(SETTINGS)
        .flatMap(({ path }) => (path.startsWith('limits.') ? [path.slice(7)] : []))
        .sort()
        .join(', ')}`,
      'extra (from mesh.yaml:5): unknown, expected one of cache, compat, cors, dataDir, dataPlane, defaultEndpointOwner, http2, instanceId, labels, ' +
        'limits, listeners, location, log, metrics, peer, placement, plugins, prestop, probes, registry, runtime, scaling, serviceName, shutdownTimeout, start, staticModels, statsd, strategies, tls, tokens, workerThreads, workers, zone',
      '--no-such: unknown, expected a flag that is known',
      'probes.port (from mesh.yaml:3): got "high", expected a port from 0 to 65535, or none',
      'tls.clientAuth (from MM_TLS_CLIENT_AUTH): got "maybe", expected one of none, optional, require',
      'shutdownTimeout (from --shutdown-timeout): got "5", expected a duration such as 500ms, 30s or 15m, from 0ms to 3600000ms',
    ]);
  });

  it('of unknown names say so, with the known name that was meant, wherever they are written', () => {
    assert.deepEqual(problemsOf({ yaml: 'port: 1\nlimits: {levle: debug, conectionsMax: 1}\n' }), [
      'port (from mesh.yaml:1): unknown, expected another field: did you mean listeners.inference.port or ' +
        'listeners.management.port or probes.port or prestop.port or metrics.port?',
      'limits.levle (from mesh.yaml:2): unknown, expected another field: did you mean log.level?',
      'limits.conectionsMax (from mesh.yaml:2): unknown, expected another field: did you mean connectionsMax?',
    ]);
    assert.deepEqual(problemsOf({ args: ['--log-levle', 'debug'] }), [
      '--log-levle: unknown, expected another flag: did you mean --log-level?',
    ]);
    assert.deepEqual(problemsOf({ args: ['--log-levle'] }), [
      '--log-levle: unknown, expected another flag: did you mean --log-level?',
    ]);
    assert.deepEqual(warningsOf({ MESH_PROBES_PROT: '1', MM_SOMETHING_ELSE_ALTOGETHER: '1' }), [
      'MM_SOMETHING_ELSE_ALTOGETHER: unknown, expected a variable that is known',
      'MESH_PROBES_PROT: unknown, expected another name: did you mean MESH_PROBES_PORT?',
    ]);
    assert.deepEqual(parseFlags(['serve']).problems.map(configProblemText), [
      'serve (from command line): unknown, expected flags such as --log-level debug',
    ]);
  });

  it('of YAML itself name line and column', () => {
    assert.match(
      problemsOf({ yaml: 'a: [1\nb: 2\n' })[0] ?? '',
      /^YAML \(from mesh\.yaml:\d+:\d+\): invalid, expected valid YAML/,
    );
    assert.match(problemsOf({ yaml: '- 1\n' })[0] ?? '', /an object of settings/);
    assert.match(problemsOf({ yaml: 'zone: a\nzone: b\n' })[0] ?? '', /unique/);
  });

  it('never show a passphrase', () => {
    const env = { MM_TLS_PRIVATE_KEY_PASSPHRASE: 'hunter2' };
    assert.doesNotMatch(problemsOf({ env }).join(), /hunter2/);
    assert.doesNotMatch(problemsOf({ yaml: 'tls: {keyPassphrase: [hunter2]}' }).join(), /hunter2/);
  });

  it('are at most a hundred', () => {
    const yaml = Array.from({ length: CONFIG_PROBLEMS_MAX + 50 }, (_, at) => `wrong${at}x: 1`).join('\n');
    assert.equal(problemsOf({ yaml }).length, CONFIG_PROBLEMS_MAX);
  });

  it('of other rooms are reported with the rest', () => {
    const check = () => [{ name: 'tls.certPath', value: '/c', from: 'tls.certPath', expected: 'a file that can be read' }];
    assert.equal(problemsOf({ env: { MM_PROBE_PORT: 'x' }, checks: [check] }).length, 2);
  });

  const combinations: readonly (readonly [string, string, RegExp])[] = [
    ['one port for two listeners', 'probes: {port: 8033}', /probes\.port.*listeners\.inference\.port has it/],
    ['management on the inference port', 'listeners: {management: {port: 8033}}', /`shared` serves management/],
    ['metrics on the probes port', 'metrics: {port: 8089}', /metrics\.port/],
    ['a key without a certificate', 'tls: {keyPath: k}', /tls\.certPath.*certificate of the key/],
    ['a certificate without a key', 'tls: {certPath: c}', /tls\.keyPath.*private key of the certificate/],
    ['client authentication without a key', 'tls: {clientAuth: require}', /tls\.clientAuth.*got "require"/],
    ['a listener with TLS without a key', 'listeners: {inference: {tls: true}}', /listeners\.inference\.tls/],
    ['trust without client authentication', 'tls: {certPath: c, keyPath: k, trustPaths: [t]}', /tls\.trustPaths/],
    ['rules twice', 'dataPlane: {rules: {}, rulesFile: f}', /dataPlane\.rulesFile.*as dataPlane\.rules is set/],
    ['a socket path that is too long', `runtime: {socketPath: /${'x'.repeat(103)}}`, /runtime\.socketPath.*this one has 104/],
    ['a listening socket that is too long', `listeners: {inference: {socketPath: /${'x'.repeat(103)}}}`, /socketPath/],
    ['an external runtime with workers', 'runtime: {kind: external, workers: 2}', /runtime\.workers.*runtime\.kind embedded/],
    ['an embedded runtime with an address', 'runtime: {management: [8085]}', /runtime\.management.*runtime\.kind external/],
    ['a path of a registry in memory', 'registry: {kind: memory, path: x}', /registry\.path/],
    ['one request larger than all', 'limits: {replayBytesPerCallMax: 2Mi, replayBytesMax: 1Mi}', /replayBytesPerCallMax/],
    ['more for one model than for all', 'limits: {waitingCallsPerModelMax: 9, waitingCallsMax: 8}', /waitingCallsPerModelMax/],
    [
      'more workers at rest than at most',
      'runtime: {workers: 4, workersMax: 2}',
      /runtime\.workersMax.*no less than runtime\.workers/,
    ],
    [
      'room for too few models',
      'runtime: {capacityBytes: 64Mi, defaultModelBytes: 8Mi}',
      /capacityBytes.*at least 83886080 with/,
    ],
    ['an external runtime with a load timeout', 'runtime: {kind: external, loadTimeout: 5s}', /runtime\.loadTimeout.*embedded/],
    [
      'large bodies beyond all bodies',
      'limits: {restBodiesBytesMax: 1Mi, restLargeBodiesBytesMax: 2Mi}',
      /restLargeBodiesBytesMax/,
    ],
    ['a stream wider than its connection', 'limits: {streamWindowBytes: 5Mi}', /streamWindowBytes.*connectionWindowBytes/],
    ['a grace without an age', 'limits: {connectionAgeGrace: 5s}', /connectionAgeGrace/],
  ];
  for (const [what, yaml, says] of combinations) {
    it(`say what is wrong with ${what}`, () => {
      const problems = problemsOf({ yaml });
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', says);
    });
  }

  it('are none for a management port of its own, TLS by default on both', () => {
    const config = configOf({ yaml: 'tls: {certPath: c, keyPath: k}\nlisteners: {management: {port: 9443}}\n' });
    assert.deepEqual(
      config.listeners.map(({ port, roles, tls }) => [port, [...roles], tls]),
      [
        [8033, ['inference'], true],
        [9443, ['management'], true],
      ],
    );
  });

  it('are reported, never thrown, for whatever YAML says', () => {
    const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
    const paths = Object.values(SETTINGS).map(({ path }) => path);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...paths), scalar, { maxKeys: 5 }), (values) => {
        const tree: Record<string, unknown> = {};
        for (const [path, value] of Object.entries(values)) {
          const parts = path.split('.');
          const last = parts.pop() ?? '';
          let at = tree;
          for (const part of parts) {
            const below = (at[part] ?? {}) as Record<string, unknown>;
            at[part] = below;
            at = below;
          }
          at[last] = value;
        }
        const parsed = parse({ yaml: JSON.stringify(tree) });
        assert.ok(parsed.ok || parsed.problems.length > 0);
      }),
      { numRuns: 100 },
    );
  });

  it('are one for aliases that would unfold without end', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [at, name] of [...'bcdefg'].entries())
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${'abcdef'[at]}`).join(',')}]`);
    const problems = problemsOf({ yaml: `${bomb.join('\n')}\nlabels: *g\n` });
    assert.ok(
      problems.some((problem) => /^labels \(from mesh\.yaml:8\): .*at most 100 aliases/.test(problem)),
      problems.join('\n'),
    );
  });
});

describe('the reference of the configuration', () => {
  it('names every setting and every variable that is read', () => {
    const page = configurationReference();
    for (const { path } of Object.values(SETTINGS)) assert.ok(page.includes(`### \`${path}\`\n`), path);
    for (const name of [...COMPOSITE_VARIABLES, ...UNSUPPORTED_VARIABLES.keys()]) assert.ok(page.includes(`\`${name}\``), name);
  });
});

describe('a registry in etcd', () => {
  it('needs endpoints of one kind, and what belongs together', () => {
    const problems = problemsOf({
      env: {
        MESH_REGISTRY_KIND: 'etcd',
        MESH_REGISTRY_ENDPOINTS: 'a:2379,https://b:2379',
        MESH_REGISTRY_CA_PATH: '/ca.pem',
        MESH_REGISTRY_KEY_PATH: '/key.pem',
        MESH_REGISTRY_USER: 'mesh',
        MESH_REGISTRY_PATH: '/r.sqlite',
      },
    });
    const about = problems.map((problem) => problem.split(' ')[0]);
    const expected = ['path', 'endpoints', 'caPath', 'keyPath', 'certPath', 'passwordFile'];
    assert.deepEqual(
      about,
      expected.map((name) => `registry.${name}`),
    );
  });

  it('is said in settings or in a file, and not where the registry is another', () => {
    const file = { MESH_REGISTRY_FILE: '/etcd.json', MESH_REGISTRY_USER: 'mesh' };
    assert.match(
      problemsOf({ env: { ...file, MESH_REGISTRY_KIND: 'etcd' } })[0] ?? '',
      /registry\.user.*as registry\.file is set/,
    );
    assert.equal(problemsOf({ env: file }).length, 2);
    assert.match(problemsOf({ env: { MESH_REGISTRY_KIND: 'etcd' } })[0] ?? '', /at least one/);
  });
});
