import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../run-steps.ts';
import { type Ended, endOf, outsideEnvironment, runOutside, succeed } from './outside.ts';
import { packAll, type Tarball } from './tarballs.ts';

/** What a package may weigh, compressed; most of it is source maps. The code of all of them together is smaller than one ONNX model. */
const TARBALL_BYTES_MAX = 1_500_000;
const INSTALL_TIMEOUT_MS = 180_000;
const COMMAND_TIMEOUT_MS = 60_000;
const REQUEST = '{"inputs":[{"name":"features","datatype":"FP32","shape":[1,4],"data":[6.3,3.3,4.7,1.6]}]}';

const CONSUMER = `
import { MeshClient, elementsOf, tensor } from '@modelmesh/sdk';
import { MeshError, type MeshErrorKind } from '@modelmesh/core';

const mesh = new MeshClient({ server: process.argv[2] ?? '' });
const features = tensor('features', 'FP32', [1, 4], new Float32Array([6.3, 3.3, 4.7, 1.6]));
const answer = await mesh.infer({ model: 'iris', inputs: [features] });
const label = answer.outputs.find(({ name }) => name === 'label');
const labels: BigInt64Array | undefined = label === undefined ? undefined : elementsOf(label, 'INT64');
const kind: MeshErrorKind | undefined = await mesh.infer({ model: 'absent', inputs: [features] }).then(
  () => undefined,
  (error: unknown) => (error instanceof MeshError ? error.kind : undefined),
);
console.log(String(labels?.[0]), kind);
mesh[Symbol.dispose]();
`;

const CONSUMER_CONFIG = {
  compilerOptions: { target: 'es2024', lib: ['es2024', 'esnext.disposable'], module: 'nodenext', strict: true, types: ['node'] },
  include: ['consumer.ts'],
};

describe('the public packages, packed and installed into an empty folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-packed-'));
  const home = join(folder, 'installed');
  let tarballs: readonly Tarball[] = [];
  const mmesh = (...args: readonly string[]): Promise<Ended> =>
    runOutside([join(home, 'node_modules/.bin/mmesh')], args, { cwd: home, timeoutMs: COMMAND_TIMEOUT_MS });

  before(async () => {
    mkdirSync(home);
    tarballs = await packAll(folder);
    const args = ['install', '--ignore-scripts', '--omit=dev', '--no-audit', ...tarballs.map(({ path }) => path)];
    await succeed(['npm'], args, { cwd: home, timeoutMs: INSTALL_TIMEOUT_MS });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('hold what runs, README and licence, and nothing of the work on them', () => {
    assert.ok(tarballs.length >= 7);
    for (const { name, bytes, files } of tarballs) {
      console.log(`${name}: ${bytes} bytes, ${files.length} files`);
      for (const wanted of ['LICENSE', 'NOTICE', 'README.md', 'package.json'])
        assert.ok(files.includes(wanted), `${name} ${wanted}`);
      assert.deepEqual(
        files.filter(
          (path) => !/^(dist|bin|proto)\/|^[^/]+$/.test(path) || /\.test\.|tsbuildinfo|\/(testing|contract)\//.test(path),
        ),
        [],
        name,
      );
      assert.ok(bytes <= TARBALL_BYTES_MAX, `${name} has ${bytes} bytes`);
    }
  });

  it('bring no tool of ours with them', () => {
    const { packages }: { readonly packages: Readonly<Record<string, unknown>> } = JSON.parse(
      readFileSync(join(home, 'package-lock.json'), 'utf8'),
    );
    const installed = Object.keys(packages);
    for (const tool of ['typescript', '@biomejs/biome', 'fast-check', '@grpc/grpc-js'])
      assert.ok(!installed.includes(`node_modules/${tool}`), tool);
  });

  it('mmesh starts under the Node of the machine, old as it may be', async () => {
    const version = await runOutside(['node'], ['--version'], { cwd: home, timeoutMs: COMMAND_TIMEOUT_MS });
    console.log(`Node ${version.out.trim()}`);
    const help = await mmesh('--help');
    assert.deepEqual([help.code, help.err], [0, '']);
    for (const word of ['serve', 'apply', 'infer']) assert.match(help.out, new RegExp(`^ +${word}`, 'm'));
  });

  it('serve a model over REST and gRPC, and a TypeScript program that is compiled against sdk asks it', async () => {
    const node = await serve(home);
    try {
      for (const file of ['model.yaml', 'iris-2.onnx'])
        copyFileSync(join(ROOT, 'examples/models/iris-2', file), join(home, file));
      const applied = await mmesh('apply', '-f', 'model.yaml', '--server', node.url);
      assert.deepEqual([applied.code, applied.err], [0, ''], applied.out);
      const rest = await fetch(`${node.url}/v2/models/iris/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: REQUEST,
      });
      assert.equal(rest.status, 200);
      const overRest = (await rest.json()) as { readonly outputs: unknown };
      const grpc = await mmesh('infer', 'iris', '-d', REQUEST, '--grpc', '--server', node.url);
      assert.equal(grpc.code, 0, grpc.err);
      assert.deepEqual(JSON.parse(grpc.out).outputs, overRest.outputs);

      assert.equal(await compileConsumer(home), '');
      const consumer = await runOutside([process.execPath], ['consumer.js', node.url], {
        cwd: home,
        timeoutMs: COMMAND_TIMEOUT_MS,
      });
      assert.deepEqual([consumer.out, consumer.err], ['1 not-found\n', '']);
    } finally {
      assert.equal(await node.end(), 0);
    }
  });
});

/** Compiles the consumer with the repository's compiler; returns what it complains of. */
async function compileConsumer(home: string): Promise<string> {
  writeFileSync(join(home, 'consumer.ts'), CONSUMER);
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify(CONSUMER_CONFIG));
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  writeFileSync(join(home, 'package.json'), JSON.stringify({ ...manifest, type: 'module' }));
  const { resolve } = createRequire(join(ROOT, 'package.json'));
  const tsc = join(dirname(resolve('typescript/package.json')), 'bin/tsc');
  const typeRoots = join(dirname(resolve('@types/node/package.json')), '..');
  const args = [tsc, '-p', 'tsconfig.json', '--typeRoots', typeRoots];
  const { out, err } = await runOutside([process.execPath], args, { cwd: home, timeoutMs: COMMAND_TIMEOUT_MS });
  return `${out}${err}`;
}

interface Served {
  readonly url: string;
  /** Ends it by SIGTERM; the exit code. */
  end(): Promise<number | null>;
}

/** The installed `mmesh serve` on free ports, once it says that it is ready. */
async function serve(home: string): Promise<Served> {
  const flags = ['--data-dir', join(home, 'data'), '--listeners-inference-host', '127.0.0.1', '--listeners-inference-port', '0'];
  for (const name of ['probes', 'prestop', 'metrics']) flags.push(`--${name}-port`, 'none');
  const child = spawn(join(home, 'node_modules/.bin/mmesh'), ['serve', ...flags], {
    cwd: home,
    env: outsideEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: COMMAND_TIMEOUT_MS * 3,
  });
  const ended = endOf(child);
  const ready = Promise.withResolvers<string>();
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString();
    const address = /"event":"node-ready".*?(127\.0\.0\.1:\d+)/.exec(log)?.[1];
    if (address !== undefined) ready.resolve(`http://${address}`);
  });
  void ended.then(() => ready.reject(new Error(`the node ended:\n${log}`)), ready.reject);
  const end = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return ended;
  };
  return { url: await ready.promise, end };
}
