import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { elementsOf, MeshClient, tensor } from '@modelmesh/sdk/client';

const LAUNCHER = fileURLToPath(new URL('../bin/mmesh.mjs', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../../examples', import.meta.url));
const REQUEST = '{"inputs":[{"name":"features","datatype":"FP32","shape":[1,4],"data":[6.3,3.3,4.7,1.6]}]}';
const START_TIMEOUT_MS = 60_000;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the launcher as an installed `mmesh` is run. */
function mmesh(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [LAUNCHER, ...args], { env: { ...process.env, ...env } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

const endOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)));

/** A running node, found by what it logs. */
class ServedNode {
  readonly child: ChildProcess;
  readonly folder = mkdtempSync(join(tmpdir(), 'mmesh-node-'));
  readonly server: Promise<string>;
  #log = '';

  constructor() {
    const flags = ['--listeners-inference-host', '127.0.0.1', '--listeners-inference-port', '0', '--data-dir', this.folder];
    for (const name of ['probes', 'prestop', 'metrics']) flags.push(`--${name}-port`, 'none');
    this.child = spawn(process.execPath, [LAUNCHER, 'serve', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.server = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready:\n${this.#log}`)), START_TIMEOUT_MS);
      this.child.stdout?.on('data', (chunk: Buffer) => {
        this.#log += chunk.toString();
        const port = /"event":"node-ready".*?127\.0\.0\.1:(\d+)/.exec(this.#log)?.[1];
        if (port === undefined) return;
        clearTimeout(timer);
        resolve(`http://127.0.0.1:${port}`);
      });
      this.child.once('exit', () => reject(new Error(`ended:\n${this.#log}`)));
    });
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const ended = endOf(this.child);
    this.child.kill(signal);
    const code = await ended;
    rmSync(this.folder, { recursive: true, force: true });
    return code;
  }
}

describe('mmesh beside a real node', () => {
  let node: ServedNode;
  let env: Record<string, string>;
  const run = (...args: readonly string[]): Promise<Ended> => mmesh(args, env);

  before(async () => {
    node = new ServedNode();
    env = { MESH_SERVER: await node.server };
  });
  after(async () => {
    // Nothing stands between who started the launcher and the node: the signal and the code are the node's.
    assert.equal(await node.end('SIGTERM'), 0);
  });

  test('examples are applied, listed, asked over both protocols, loaded, unloaded and removed', async () => {
    const applied = await run('apply', '-f', join(EXAMPLES, 'models'), join(EXAMPLES, 'endpoint'));
    assert.deepEqual([applied.code, applied.err], [0, '']);
    assert.match(applied.out, /^Model iris@2 created$/m);
    assert.match((await run('apply', '-f', join(EXAMPLES, 'endpoint'))).out, /^Endpoint flowers unchanged$/m);

    const rest = await run('infer', 'flowers', '-d', REQUEST);
    const grpc = await run('infer', 'flowers', '-d', REQUEST, '--grpc');
    assert.equal(rest.code, 0, rest.err);
    assert.deepEqual(JSON.parse(rest.out).outputs, JSON.parse(grpc.out).outputs);
    const table = await run('infer', 'iris', '--version', '1', '-d', REQUEST, '-o', 'table');
    assert.match(table.out, /^label\s+INT64\s+\[1\]\s+1$/m);

    assert.match((await run('load', 'wine')).out, /^wine loaded in /);
    assert.match((await run('get', 'copies', 'wine')).out, /^wine\s+\S+\s+LOADED/m);
    assert.match((await run('get', 'models', 'wine', '-o', 'yaml')).out, /^status: LOADED$/m);
    assert.equal((await run('unload', 'wine')).code, 0);
    assert.match((await run('describe', 'endpoint', 'flowers')).out, /^activeModel: iris@2$/m);
    assert.match((await run('events')).out, /model-loaded wine/);
    assert.match((await run('status')).out, / ready: /);

    const referred = await run('delete', 'model', 'iris@2');
    assert.deepEqual([referred.code, /has referents/.test(referred.err)], [1, true]);
    assert.equal((await run('delete', '-f', join(EXAMPLES, 'endpoint'), join(EXAMPLES, 'models'))).code, 0);
    assert.equal((await run('get', 'models')).out, '');
  });

  test('what the node refuses is told with its reason and an exit code', async () => {
    const absent = await run('infer', 'absent', '-d', REQUEST);
    assert.equal(absent.code, 3);
    assert.match(absent.err, /absent/);
    assert.equal((await run('load', 'absent')).code, 3);
    await run('apply', '-f', join(EXAMPLES, 'models/wine/model.yaml'));
    const wrong = await run('infer', 'wine', '-d', REQUEST.replace('[1,4]', '[1,5]'));
    assert.deepEqual([wrong.code, wrong.out], [2, '']);
  });

  test('the client of the SDK asks the same node with typed arrays', async () => {
    await run('apply', '-f', join(EXAMPLES, 'models/iris-2/model.yaml'));
    using mesh = new MeshClient({ server: await node.server });
    const { inputs } = await mesh.modelMetadata('iris');
    assert.deepEqual(
      inputs.map(({ name, datatype }) => [name, datatype]),
      [['features', 'FP32']],
    );
    const features = tensor('features', 'FP32', [1, 4], new Float32Array([6.3, 3.3, 4.7, 1.6]));
    const { outputs } = await mesh.infer({ model: 'iris', inputs: [features], outputs: ['label'] });
    assert.deepEqual(
      outputs.map((output) => [output.name, elementsOf(output, 'INT64')[0]]),
      [['label', 1n]],
    );
  });

  test('a reader that leaves ends the command quietly', async () => {
    const script = `"${process.execPath}" "${LAUNCHER}" help | head -c 1 > /dev/null; echo "\${PIPESTATUS[0]}"`;
    const code = await new Promise<string>((resolve) => {
      execFile('bash', ['-c', script], (_error, out, err) => resolve(`${out}${err}`));
    });
    assert.equal(code, '0\n');
  });
});

test('a node that cannot start ends with its own code: wrong configuration is wrong usage', async () => {
  const { code, err } = await mmesh(['serve', '--no-such-flag', '1']);
  assert.equal(code, 2);
  assert.match(err, /--no-such-flag/);
});

test('the package finds the pinned Node as the repository does', () => {
  const [ours, theirs] = ['../bin/pinned-node.mjs', '../../../tools/pinned-node.mjs'].map((path) =>
    readFileSync(new URL(path, import.meta.url), 'utf8'),
  );
  assert.equal(ours, theirs);
});

test('the script for bash completes commands, kinds and options', async () => {
  const script = `
    source <("${process.execPath}" "${LAUNCHER}" completion bash)
    complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); COMPREPLY=(); _mmesh; echo "\${COMPREPLY[@]}"; }
    complete_words mmesh des
    complete_words mmesh get inst
    complete_words mmesh infer --gr
    complete_words mmesh get models -o ya
  `;
  const out = await new Promise<string>((resolve, reject) => {
    execFile('bash', ['-c', script], (error, text) => (error === null ? resolve(text) : reject(error)));
  });
  assert.deepEqual(out.trim().split('\n'), ['describe', 'instances', '--grpc', 'yaml']);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('the demonstration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mmesh-demo-'));
  after(() => rmSync(folder, { recursive: true }));

  test('asks every example over REST and gRPC, and every answer is the recorded one', async () => {
    const { code, out, err } = await mmesh([
      'demo',
      '--once',
      '--port',
      String(await freePort()),
      '--data-dir',
      join(folder, 'a'),
    ]);
    assert.deepEqual([code, err], [0, ''], out);
    assert.equal(out.match(/ same$/gm)?.length, 18);
  });

  test('stays up until Ctrl-C, tells how to call it, and leaves no node behind', async () => {
    const port = await freePort();
    const args = ['demo', '--port', String(port), '--data-dir', join(folder, 'b')];
    const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = endOf(child);
    let out = '';
    for await (const chunk of child.stdout) {
      out += chunk;
      if (out.includes('Ctrl-C ends the node.') && !child.killed) child.kill('SIGINT');
    }
    assert.equal(await ended, 0);
    for (const line of [`curl -s localhost:${port}/v2/models/iris/infer`, 'grpcurl -plaintext', 'import numpy']) {
      assert.ok(out.includes(line), line);
    }
    await assert.rejects(fetch(`http://127.0.0.1:${port}/v2/health/live`), TypeError);
    assert.ok(existsSync(join(folder, 'b/node.log')));
  });
});
