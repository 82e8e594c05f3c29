import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../../clock/index.ts';
import { onnxModel } from '../../../testing/index.ts';
import { scanModelFile } from './index.ts';

describe('the prediction of a model', () => {
  it('of ten thousand nodes takes far less than the half second that the mesh waits', async (test) => {
    const folder = await mkdtemp(join(tmpdir(), 'mesh-scan-'));
    const path = join(folder, 'deep.onnx');
    const nodes = Array.from({ length: 10_000 }, (_, i) => ({
      op: 'Identity',
      inputs: [i === 0 ? 'a' : `t${i - 1}`],
      outputs: [`t${i}`],
    }));
    const shape = ['n'];
    await writeFile(
      path,
      onnxModel({ inputs: [{ name: 'a', type: 'float', shape }], outputs: [{ name: 't9999', type: 'float', shape }], nodes }),
    );

    const before = systemClock.monotonicMs();
    const facts = await scanModelFile(path);
    const tookMs = systemClock.monotonicMs() - before;

    await rm(folder, { recursive: true });
    test.diagnostic(`scanned in ${tookMs.toFixed(0)} ms`);
    assert.equal(facts.nodeCount, 10_000);
    assert.ok(tookMs < 250, `${tookMs} ms`);
  });
});
