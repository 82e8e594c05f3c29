import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConfigResult, configProblemText, parseConfig, parseFlags } from '../config/index.ts';
import { embeddedEnvironment } from './index.ts';

interface Given {
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

const parsed = ({ yaml = '', env = {}, args = [] }: Given): ConfigResult =>
  parseConfig({
    yaml: { path: 'mesh.yaml', text: yaml },
    env,
    flags: parseFlags(args).flags,
    machine: { hostName: 'm', tempFolder: '/tmp' },
    checks: [],
  });

/** What the child would be started with. */
function environmentOf(given: Given, environment: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const result = parsed(given);
  assert.ok(result.ok, result.ok ? '' : result.problems.map(configProblemText).join('\n'));
  const { runtime, limits } = result.config;
  assert.ok(runtime.kind === 'embedded');
  return embeddedEnvironment(runtime, { environment, messageBytesMax: limits.messageBytesMax });
}

/** Every limit of the embedded runtime: its field in YAML, a value, the variable of the child and what stands in it. */
const LIMITS: readonly (readonly [field: string, value: string, variable: string, told: string])[] = [
  ['capacityBytes', '128Mi', 'CAPACITY_BYTES', '134217728'],
  ['workers', '3', 'WORKERS', '3'],
  ['workersMax', '7', 'WORKERS_MAX', '7'],
  ['defaultModelBytes', '2Mi', 'DEFAULT_MODEL_BYTES', '2097152'],
  ['loadingConcurrency', '5', 'LOADING_CONCURRENCY', '5'],
  ['loadTimeout', '20s', 'LOAD_TIMEOUT_MS', '20000'],
  ['runsQueuedMax', '11', 'RUNS_QUEUED_MAX', '11'],
  ['runBytesQueuedMax', '3Mi', 'RUN_BYTES_QUEUED_MAX', '3145728'],
  ['streamsMax', '12', 'STREAMS_MAX', '12'],
  ['cacheBytes', '4Mi', 'CACHE_BYTES', '4194304'],
  ['downloadBytesMax', '5Mi', 'DOWNLOAD_BYTES_MAX', '5242880'],
  ['downloadSilence', '7s', 'DOWNLOAD_SILENCE_MS', '7000'],
  ['stopGrace', '10s', 'GRACE_MS', '8000'],
];

const spelt = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

describe('what the embedded runtime is told', () => {
  for (const [field, value, variable, told] of LIMITS) {
    it(`has runtime.${field} from YAML, variable and flag`, () => {
      const flag = `--runtime-${spelt(field).toLowerCase().replaceAll('_', '-')}`;
      const ways: readonly Given[] = [
        { yaml: `runtime: {${field}: ${value}}` },
        { env: { [`MESH_RUNTIME_${spelt(field)}`]: value } },
        { args: [flag, value] },
      ];
      for (const given of ways) assert.equal(environmentOf(given)[`MESH_RUNTIME_${variable}`], told, JSON.stringify(given));
    });

    it(`has no runtime.${field} that is wrong: the problem names it, its value and what is expected`, () => {
      const result = parsed({ yaml: `runtime:\n  ${field}: -1\n` });
      const problems = result.ok ? [] : result.problems.map(configProblemText);
      assert.equal(problems.length, 1);
      assert.match(
        problems[0] ?? '',
        new RegExp(`^runtime\\.${field} \\(from mesh\\.yaml:2\\): got -1, expected (a|an) .+ from \\d+`),
      );
    });
  }

  it('has room for the key that the node puts into the largest message', () => {
    const told = environmentOf({ yaml: 'limits: {messageBytesMax: 1Mi}' });
    assert.equal(told.MESH_RUNTIME_MESSAGE_BYTES_MAX, String(1024 * 1024 + 2048));
  });

  it('leaves out what the runtime decides by its machine', () => {
    const told = environmentOf({});
    for (const name of ['CAPACITY_BYTES', 'WORKERS', 'WORKERS_MAX', 'STORAGE_ROOT'])
      assert.ok(!(`MESH_RUNTIME_${name}` in told), name);
  });

  it("has the node's environment, for proxies and certificates, without the node's own settings", () => {
    const told = environmentOf({}, { NODE_EXTRA_CA_CERTS: '/ca.pem', MESH_PROBES_PORT: '1', MM_LABELS: 'a' });
    assert.equal(told.NODE_EXTRA_CA_CERTS, '/ca.pem');
    assert.deepEqual(
      Object.keys(told).filter((name) => /^MM_|^MESH_(?!RUNTIME_)/.test(name)),
      [],
    );
  });
});
