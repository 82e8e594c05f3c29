/** What the real tier needs from outside: found where it is, or prepared below `.cache/`. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What suites get in their environment. */
export interface Prepared {
  readonly env: Readonly<Record<string, string>>;
  /** One sentence for each tool that is not there. */
  readonly missing: readonly string[];
}

interface Place {
  readonly root: string;
  readonly install: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
}

/** A program that Go builds from its sources: those of a module and version, or a folder of this repository. */
interface GoTool {
  readonly command: string;
  readonly source: string;
  readonly isOurs?: true;
  /** Names one that is there already. */
  readonly variable: 'MESH_TEST_GRPCURL' | 'MESH_TEST_H2SPEC' | 'MESH_TEST_GHZ' | 'MESH_TEST_GRPC_GO';
  /** What makes it say its version. */
  readonly argument: string;
}

const GRPCURL: GoTool = {
  command: 'grpcurl',
  source: 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4',
  variable: 'MESH_TEST_GRPCURL',
  argument: '-version',
};

const H2SPEC: GoTool = {
  command: 'h2spec',
  source: 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible',
  variable: 'MESH_TEST_H2SPEC',
  argument: '--version',
};

const GHZ: GoTool = {
  command: 'ghz',
  source: 'github.com/bojand/ghz/cmd/ghz@v0.93.0',
  variable: 'MESH_TEST_GHZ',
  argument: '--version',
};

/** A client on grpc-go. */
const GRPC_GO: GoTool = {
  command: 'grpc-go-client',
  source: 'packages/lab/src/clients/grpc-go',
  isOurs: true,
  variable: 'MESH_TEST_GRPC_GO',
  argument: '-version',
};

/** A program that comes as packages of Debian; elsewhere it is named by hand. */
interface DebianTool {
  readonly command: string;
  readonly packages: string;
  /** Names one that is there already. */
  readonly variable: 'MESH_TEST_ETCD' | 'MESH_TEST_ETCDCTL' | 'MESH_TEST_CHROMEDRIVER' | 'MESH_TEST_NGINX' | 'MESH_TEST_H2LOAD';
  /** What makes it say its version. */
  readonly argument: string;
}

const ETCD: DebianTool = {
  command: 'etcd',
  packages: 'etcd-server etcd-client',
  variable: 'MESH_TEST_ETCD',
  argument: '--version',
};

const ETCDCTL: DebianTool = { ...ETCD, command: 'etcdctl', variable: 'MESH_TEST_ETCDCTL', argument: 'version' };

/** Drives the browser, which is found by itself. */
const CHROMEDRIVER: DebianTool = {
  command: 'chromedriver',
  packages: 'chromium chromium-driver',
  variable: 'MESH_TEST_CHROMEDRIVER',
  argument: '--version',
};

/** What the bench compares with and drives by. */
const NGINX: DebianTool = {
  command: 'nginx',
  packages: 'nginx-light libnginx-mod-stream',
  variable: 'MESH_TEST_NGINX',
  argument: '-v',
};

const H2LOAD: DebianTool = {
  command: 'h2load',
  packages: 'nghttp2-client',
  variable: 'MESH_TEST_H2LOAD',
  argument: '--version',
};

/** Long enough for a slow network; beyond it something hangs. */
const INSTALL_TIMEOUT_MS = 10 * 60_000;
/** A tool says its version at once. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Finds or prepares Python with the clients, MLServer, what the example models are made with, grpcurl, h2spec, ghz, a client on grpc-go, etcd, a browser with its driver, and what the bench compares with. Never throws: what fails is missing, with the reason. */
export function prepare(place: Place): Prepared {
  const found = {
    MESH_TEST_PYTHON: python(place, CLIENTS),
    MESH_TEST_MLSERVER: python(place, MLSERVER),
    MESH_TEST_GENERATOR: python(place, GENERATOR),
    MESH_TEST_ENVOY: python(place, ENVOY),
    MESH_TEST_GRPCURL: goTool(place, GRPCURL),
    MESH_TEST_H2SPEC: goTool(place, H2SPEC),
    MESH_TEST_GHZ: goTool(place, GHZ),
    MESH_TEST_GRPC_GO: goTool(place, GRPC_GO),
    MESH_TEST_ETCD: debianTool(place, ETCD),
    MESH_TEST_ETCDCTL: debianTool(place, ETCDCTL),
    MESH_TEST_CHROMEDRIVER: debianTool(place, CHROMEDRIVER),
    MESH_TEST_NGINX: debianTool(place, NGINX),
    MESH_TEST_H2LOAD: debianTool(place, H2LOAD),
  };
  const entries = Object.entries(found);
  const missing = entries.flatMap(([, tool]) => (tool.problem === undefined ? [] : [tool.problem]));
  const env = Object.fromEntries(entries.flatMap(([name, tool]) => (tool.path === undefined ? [] : [[name, tool.path]])));
  return { env: missing.length === 0 ? env : { ...env, MESH_TEST_MISSING: missing.join('; ') }, missing };
}

type Tool = { readonly path: string; readonly problem?: undefined } | { readonly path?: undefined; readonly problem: string };

/** A Python of its own, made from a list of packages in the repository. */
interface PythonKind {
  readonly what: string;
  /** Names a Python that is there already. */
  readonly variable: 'MESH_TEST_PYTHON' | 'MESH_TEST_MLSERVER' | 'MESH_TEST_GENERATOR' | 'MESH_TEST_ENVOY';
  /** Below `.cache/`. */
  readonly folder: string;
  readonly requirements: string;
}

const CLIENTS: PythonKind = {
  what: 'the Python clients are',
  variable: 'MESH_TEST_PYTHON',
  folder: 'python',
  requirements: 'tools/test/requirements.txt',
};

/** Apart from the clients, whose packages it does not get along with. */
const MLSERVER: PythonKind = {
  what: 'MLServer is',
  variable: 'MESH_TEST_MLSERVER',
  folder: 'mlserver',
  requirements: 'tools/test/mlserver-requirements.txt',
};

/** The libraries that train and convert the example models. */
const GENERATOR: PythonKind = {
  what: 'the libraries that make the example models are',
  variable: 'MESH_TEST_GENERATOR',
  folder: 'generate',
  requirements: 'examples/generate/requirements.txt',
};

/** Envoy, whose program lies beside the Python of its environment. */
const ENVOY: PythonKind = {
  what: 'Envoy is',
  variable: 'MESH_TEST_ENVOY',
  folder: 'envoy',
  requirements: 'tools/test/envoy-requirements.txt',
};

/** A virtual environment is good while the list of packages that it was made from is the one in the repository. */
function python(place: Place, kind: PythonKind): Tool {
  const given = place.env[kind.variable];
  if (given !== undefined) return { path: given };
  const folder = join(place.root, '.cache', kind.folder);
  const wanted = readFileSync(join(place.root, kind.requirements), 'utf8');
  const path = join(folder, 'bin', 'python');
  const stamp = join(folder, 'made-from.txt');
  if (existsSync(path) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { path };
  if (!place.install) return { problem: `${kind.what} not installed: run with --install` };
  place.log(`preparing Python in ${folder}`);
  const problem =
    makeEnvironment(place, folder) ?? install(place, path, ['-m', 'pip', 'install', '--quiet', '-r', kind.requirements]);
  if (problem !== undefined) return { problem: `${kind.what} not installed, and could not be: ${problem}` };
  writeFileSync(stamp, wanted);
  return { path };
}

/** Debian ships `venv` apart from Python; as root under CI it is fetched. */
function makeEnvironment(place: Place, folder: string): string | undefined {
  const make = (): string | undefined => install(place, 'python3', ['-m', 'venv', '--clear', folder]);
  const problem = make();
  if (problem === undefined || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return problem;
  const packages = install(place, 'sh', ['-c', 'apt-get update -qq && apt-get install -y -qq python3 python3-venv']);
  return packages === undefined ? make() : `${problem}; ${packages}`;
}

function goTool(place: Place, tool: GoTool): Tool {
  const { command, variable, argument } = tool;
  const given = place.env[variable];
  if (given !== undefined) return { path: given };
  const own = join(place.root, '.cache', 'bin', command);
  // Ours may have changed since it was built.
  const known = tool.isOurs && place.install ? [] : [own, command];
  for (const path of known) if (answers(place, path, argument)) return { path };
  if (!place.install) return { problem: `${command} is not installed: run with --install` };
  if (!answers(place, 'go', 'version')) {
    const ways = `install one, or name ${command} in ${variable}`;
    return { problem: `${command} is not installed, and Go, which would build it, is neither: ${ways}` };
  }
  place.log(`building ${command} into ${own}`);
  const problem = buildByGo(place, tool, own);
  return problem === undefined ? { path: own } : { problem: `${command} could not be built: ${problem}` };
}

function buildByGo(place: Place, { source, isOurs }: GoTool, path: string): string | undefined {
  if (isOurs) return install(place, 'go', ['build', '-C', join(place.root, source), '-o', path, '.']);
  return install({ ...place, env: { ...place.env, GOBIN: join(place.root, '.cache', 'bin') } }, 'go', ['install', source]);
}

function debianTool(place: Place, { command, packages, variable, argument }: DebianTool): Tool {
  const given = place.env[variable];
  if (given !== undefined) return { path: given };
  if (answers(place, command, argument)) return { path: command };
  if (!place.install) return { problem: `${command} is not installed: run with --install` };
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return { problem: `${command} is not installed, and only root on Debian could: install it, or name it in ${variable}` };
  }
  place.log(`installing ${packages}`);
  const fetch = `apt-get update -qq && apt-get install -y -qq --no-install-recommends ${packages}`;
  const problem = install(place, 'sh', ['-c', fetch]);
  return problem === undefined ? { path: command } : { problem: `${command} is not installed, and could not be: ${problem}` };
}

const answers = ({ env }: Place, command: string, argument: string): boolean =>
  spawnSync(command, [argument], { env, timeout: ANSWER_TIMEOUT_MS }).status === 0;

/** Runs one command; returns its last words when it failed. */
function install(place: Place, command: string, args: readonly string[]): string | undefined {
  const result = spawnSync(command, args, { cwd: place.root, env: place.env, encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS });
  if (result.status === 0) return undefined;
  const words = `${result.stdout ?? ''}\n${result.stderr ?? ''}`.trim().split('\n').at(-1);
  return `${command} ${args.join(' ')}: ${result.error?.message ?? words ?? `exit code ${result.status}`}`;
}
