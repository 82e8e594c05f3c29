import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { freeFolder, NodeProcess } from '../node-process/index.ts';
import { askGrpc, askRest, refusalOf } from './asking.ts';
import { eventually } from './eventually.ts';
import { applyModel, type ModelFile, ROW, writeModel } from './generated-models.ts';
import { copyStates, eventsOf, LONG_GRACE, leavesAtOnce } from './nothing-lost.ts';

const MIB = 1024 * 1024;

/** A file system of a few MiB in memory; `undefined` where this user may not mount one. */
function smallDisk(path: string, bytes: number): Disposable | undefined {
  mkdirSync(path, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    // No right to mount, or no such program: the suite says so.
    return undefined;
  }
  return { [Symbol.dispose]: () => execFileSync('umount', [path], { stdio: 'ignore' }) };
}

/** Takes every byte that is left; returns what gives them back. */
function fill(folder: string): () => void {
  const path = join(folder, 'ballast');
  const chunk = Buffer.alloc(4096);
  try {
    for (;;) writeFileSync(path, chunk, { flag: 'a' });
  } catch {
    // Full, as wanted.
  }
  assert.equal(statfsSync(folder).bavail, 0);
  return () => rmSync(path);
}

/** Registrations of half a MiB that are tried at most on a disk that is full. */
const REGISTRATIONS_MAX = 40;

/** Registers `stem0`, `stem1` … until the registry refuses one; what it wrote ahead before it was full takes a few. */
async function registerUntilRefused(
  node: NodeProcess,
  stem: string,
): Promise<{ acknowledged: readonly string[]; refusal: string }> {
  const acknowledged: string[] = [];
  while (acknowledged.length < REGISTRATIONS_MAX) {
    const modelId = `${stem}${acknowledged.length}`;
    const modelInfo = { type: 'onnx', path: `/${'x'.repeat(MIB / 2)}` };
    const outcome = await node.client
      .unary(ModelMesh.method.registerModel, { modelId, modelInfo })
      .then(() => undefined, refusalOf);
    if (outcome?.kind === 'refusal') return { acknowledged, refusal: outcome.message };
    acknowledged.push(modelId);
  }
  throw new Error(`${REGISTRATIONS_MAX} registrations were written to a full disk`);
}

const place = await freeFolder();
const registry = join(place.path, 'registry');
const downloads = join(place.path, 'downloads');
const disks = [smallDisk(registry, 8 * MIB), smallDisk(downloads, 2 * MIB)];
const skip = disks.includes(undefined) ? 'needs the right to mount a tmpfs (root on Linux)' : false;

describe('a node whose disks are full', { skip }, () => {
  let node: NodeProcess;
  let files: Server;
  let port: number;
  let small: ModelFile;
  let kept: readonly string[] = [];
  before(async () => {
    small = writeModel(place.path, 'small', 1);
    writeModel(place.path, 'large', 2, 3 * MIB);
    files = createServer((asked, answer) => answer.end(readFileSync(join(place.path, asked.url ?? '')))).listen(0, '127.0.0.1');
    await new Promise((resolve) => files.once('listening', resolve));
    const address = files.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
    node = await NodeProcess.start({
      flags: {
        ...LONG_GRACE,
        'runtime-workers': '1',
        'registry-path': join(registry, 'registry.sqlite'),
        'runtime-cache-dir': downloads,
      },
    });
    await applyModel(node, 'local', { storage: { uri: small.uri } });
    await applyModel(node, 'other', { storage: { uri: small.uri } });
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await new Promise((resolve) => files.close(resolve));
    for (const disk of disks) disk?.[Symbol.dispose]();
    await place[Symbol.asyncDispose]();
  });

  const answered = { kind: 'answer', values: [] as readonly number[] };
  const fetched = (name: string) => ({ storage: { uri: `http://127.0.0.1:${port}/${name}.onnx` } });

  it('says which disk is full when a download does not fit, keeps what is loaded, and loads smaller ones', async () => {
    const right = { ...answered, values: small.answer(ROW) };
    assert.deepEqual(await askGrpc(node, 'local'), right);
    await applyModel(node, 'large', fetched('large'));
    for (const outcome of [await askGrpc(node, 'large'), await askRest(node, 'large')]) {
      assert.equal(outcome.kind, 'refusal');
      assert.match(outcome.kind === 'refusal' ? outcome.message : '', /the disk that holds .*downloads.* is full/);
    }
    assert.deepEqual(await askRest(node, 'local'), right);
    await applyModel(node, 'small', fetched('small'));
    assert.deepEqual(await askRest(node, 'small'), right, 'what the failed download left behind was removed');
  });

  it('answers what is loaded and refuses what would have to be written down, while the registry is full', async () => {
    const right = { ...answered, values: small.answer(ROW) };
    const free = fill(registry);
    try {
      assert.deepEqual(await askGrpc(node, 'local'), right);
      assert.deepEqual(await askRest(node, 'local'), right);
      const { acknowledged, refusal } = await registerUntilRefused(node, 'late');
      kept = acknowledged;
      assert.match(refusal, /the disk of the registry file .*registry\.sqlite is full: nothing was written.*free some space/);
      const cold = await askGrpc(node, 'other');
      assert.equal(cold.kind, 'refusal', 'a copy that cannot be claimed is not served');
      assert.match(cold.kind === 'refusal' ? cold.message : '', /the disk of the registry file .* is full/);
      assert.deepEqual(await askRest(node, 'local'), right);
      assert.equal((await fetch(`${node.url}/v2/health/ready`)).status, 200);
    } finally {
      free();
    }
    assert.deepEqual(await askRest(node, 'other'), right);
    await applyModel(node, 'after', { storage: { uri: small.uri } });
    assert.deepEqual(await askRest(node, 'after'), right);
  });

  it('gives a claim up later that it could not withdraw while the registry was full', async () => {
    assert.deepEqual(await copyStates(node, 'other'), ['LOADED']);
    const free = fill(registry);
    try {
      await registerUntilRefused(node, 'more');
      const response = await fetch(`${node.url}/v2/repository/models/other/unload`, { method: 'POST' });
      assert.equal(response.status, 200);
      await eventually('the copy is gone', 5000, () => (eventsOf(node, 'model-unloaded', 'other').length > 0 ? true : undefined));
    } finally {
      free();
    }
    const models = (await (await fetch(`${node.url}/api/v1/models?limit=1000`)).json()) as { items: { status: string }[] };
    const loaded = models.items.filter(({ status }) => status === 'LOADED').length;
    const claimed = async (): Promise<number> => {
      const text = await (await fetch(`http://${node.addresses.metrics}/metrics`)).text();
      return Number(/^modelmesh_models_loaded_total(?:{[^}]*})? (\d+)$/m.exec(text)?.[1]);
    };
    // The API shows what the cache knows; the gauge counts the claims in the registry's records.
    await eventually(
      'as many claims as copies',
      10_000,
      async () => ((await claimed()) === loaded ? true : undefined),
      () => loaded,
    );
    assert.deepEqual(await askRest(node, 'other'), { ...answered, values: small.answer(ROW) });
  });

  it('has lost nothing afterwards: every copy goes at once, and a restarted node knows what was acknowledged', async () => {
    const right = { ...answered, values: small.answer(ROW) };
    for (const name of ['local', 'small', 'after', 'other']) await leavesAtOnce(node, name);
    const flags = { ...LONG_GRACE, 'runtime-workers': '1', 'registry-path': join(registry, 'registry.sqlite') };
    await node.stop();
    await using again = await NodeProcess.start({ flags });
    for (const name of ['local', 'other', 'small', 'after']) assert.deepEqual(await copyStates(again, name), []);
    assert.deepEqual(await askGrpc(again, 'other'), right);
    for (const name of kept) assert.deepEqual(await copyStates(again, name), [], 'what was acknowledged is there');
    assert.equal((await fetch(`${again.url}/api/v1/models/late${kept.length}`)).status, 404, 'what was refused is not');
  });
});
