import assert from 'node:assert/strict';
import { copyFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NodeProcess } from '../node-process/index.ts';
import { askGrpc, askRest, type Outcome } from './asking.ts';
import { eventually } from './eventually.ts';
import { applyModel, type ModelFile, ROW, writeModel } from './generated-models.ts';
import { copyStates, eventsOf, LONG_GRACE, leavesAtOnce, seenModel } from './nothing-lost.ts';

const MIB = 1024 * 1024;
const FLAGS = { ...LONG_GRACE, 'runtime-capacity-bytes': String(64 * MIB), 'runtime-workers': '1' };

function refused(outcome: Outcome, code: string, message: RegExp): void {
  assert.equal(outcome.kind, 'refusal', JSON.stringify(outcome));
  if (outcome.kind !== 'refusal') return;
  assert.equal(outcome.code, code, outcome.message);
  assert.match(outcome.message, message);
}

describe('a model that cannot be loaded', () => {
  let node: NodeProcess;
  let good: ModelFile;
  before(async () => {
    node = await NodeProcess.start({ flags: FLAGS });
    good = writeModel(node.folder, 'good', 1);
    await applyModel(node, 'good', { storage: { uri: good.uri } });
  });
  after(() => node[Symbol.asyncDispose]());

  const answered = (file: ModelFile): Outcome => ({ kind: 'answer', values: file.answer(ROW) });
  const failsTheSameEverywhere = async (name: string, message: RegExp): Promise<void> => {
    const loads = (): number => eventsOf(node, 'load-failed', name).length;
    refused(await askGrpc(node, name), 'INTERNAL', message);
    refused(await askRest(node, name), '503', message);
    refused(await askGrpc(node, name), 'INTERNAL', message);
    assert.deepEqual(await askRest(node, 'good'), answered(good), 'other models answer');
    // Lines of the log come in order: once a later one has been read, so have all that tell of loads.
    await leavesAtOnce(node, 'good');
    assert.equal(loads(), 1, 'a failure is answered again without a new load');
    const { status, errors } = await seenModel(node, name);
    assert.equal(status, 'LOADING_FAILED');
    assert.match(errors.join('\n'), message);
    assert.deepEqual(await copyStates(node, name), ['LOADING_FAILED']);
  };

  it('because its file is missing says which file', async () => {
    await applyModel(node, 'missing', { storage: { uri: `file://${join(node.folder, 'nowhere.onnx')}` } });
    await failsTheSameEverywhere('missing', /there is no file or folder .*nowhere\.onnx/);
  });

  it('because its file is not ONNX says so', async () => {
    const path = join(node.folder, 'corrupt.onnx');
    writeFileSync(path, Buffer.from('this is no model, whatever its name says'));
    await applyModel(node, 'corrupt', { storage: { uri: `file://${path}` } });
    await failsTheSameEverywhere('corrupt', /not a valid ONNX file: at byte \d+, .*corrupt\.onnx/);
  });

  it('because its file is cut short says so', async () => {
    const path = join(node.folder, 'cut.onnx');
    copyFileSync(good.path, path);
    truncateSync(path, Math.floor(good.byteCount / 2));
    await applyModel(node, 'cut', { storage: { uri: `file://${path}` } });
    await failsTheSameEverywhere('cut', /not a valid ONNX file: at byte \d+, .* where \d+ are left .*cut\.onnx/);
  });

  it('because its digest is another names both digests', async () => {
    await applyModel(node, 'altered', { storage: { uri: good.uri, sha256: 'ab'.repeat(32) } });
    await failsTheSameEverywhere(
      'altered',
      new RegExp(`(${'ab'.repeat(32)}.*${good.sha256}|${good.sha256}.*${'ab'.repeat(32)})`),
    );
  });

  it('because it is larger than the whole cache names both sizes, and evicts nobody', async () => {
    const huge = writeModel(node.folder, 'huge', 2, 80 * MIB);
    assert.deepEqual(await askRest(node, 'good'), answered(good));
    await applyModel(node, 'huge', { storage: { uri: huge.uri } });
    const sizes = /needs \d+\.\d MiB.*at most \d+\.\d MiB/;
    refused(await askGrpc(node, 'huge'), 'RESOURCE_EXHAUSTED', sizes);
    refused(await askRest(node, 'huge'), '503', sizes);
    assert.deepEqual(await copyStates(node, 'good'), ['LOADED']);
    assert.equal(eventsOf(node, 'model-evicted', 'good').length, 0);
  });

  it('answers at once when the mended artifact is applied', async () => {
    for (const name of ['nowhere', 'corrupt', 'cut']) copyFileSync(good.path, join(node.folder, `${name}.onnx`));
    await applyModel(node, 'missing', { storage: { uri: `file://${join(node.folder, 'nowhere.onnx')}` } });
    await applyModel(node, 'corrupt', { storage: { uri: `file://${join(node.folder, 'corrupt.onnx')}` } });
    await applyModel(node, 'cut', { storage: { uri: `file://${join(node.folder, 'cut.onnx')}`, sha256: good.sha256 } });
    await applyModel(node, 'altered', { storage: { uri: good.uri, sha256: good.sha256 } });
    for (const name of ['missing', 'corrupt', 'cut', 'altered']) {
      assert.deepEqual(await askGrpc(node, name), answered(good), name);
      assert.deepEqual(await copyStates(node, name), ['LOADED']);
    }
  });

  it('leaves no call behind: every copy goes at once', async () => {
    for (const name of ['good', 'missing', 'corrupt', 'cut', 'altered']) await leavesAtOnce(node, name);
  });
});

describe('a failure that expires', () => {
  it('is tried again by the next call after its time, without any new artifact', { timeout: 60_000 }, async () => {
    await using node = await NodeProcess.start({ flags: { ...FLAGS, 'cache-load-failure-expiry': '2s' } });
    const path = join(node.folder, 'late.onnx');
    await applyModel(node, 'late', { storage: { uri: `file://${path}` } });
    refused(await askRest(node, 'late'), '503', /late\.onnx/);
    const file = writeModel(node.folder, 'late', 3);
    refused(await askRest(node, 'late'), '503', /late\.onnx/);
    const answer = await eventually('the failure expires', 10_000, async () => {
      const outcome = await askRest(node, 'late');
      return outcome.kind === 'answer' ? outcome : undefined;
    });
    assert.deepEqual(answer, { kind: 'answer', values: file.answer(ROW) });
    await leavesAtOnce(node, 'late');
    assert.equal(eventsOf(node, 'load-failed', 'late').length, 1);
  });
});
