import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import { generateModel, type OnnxModelSpec, onnxModel, ProtobufWriter } from '../../../testing/index.ts';
import { kindOf } from '../../contract.ts';
import { GRAPH_DEPTH_MAX } from './graph-scan.ts';
import {
  ATTRIBUTE_FACTOR,
  checkExternalFiles,
  FOLDER_ENTRIES_MAX,
  locateModelFile,
  NODE_BYTES,
  predictSessionBytes,
  SESSION_BYTES,
  scanModelFile,
} from './index.ts';

const MiB = 1 << 20;

describe('an ONNX file', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-scan-'));
  });
  after(() => rm(folder, { recursive: true }));

  const scan = async (bytes: Uint8Array) => {
    const path = join(folder, 'scanned.onnx');
    await writeFile(path, bytes);
    return await scanModelFile(path);
  };
  const model = (differing: Partial<OnnxModelSpec>): Uint8Array =>
    onnxModel({
      inputs: [{ name: 'a', type: 'float', shape: ['n'] }],
      outputs: [{ name: 'b', type: 'float' }],
      nodes: [{ op: 'Identity', inputs: ['a'], outputs: ['b'] }],
      ...differing,
    });

  it('tells its weights, nodes and what has no shape', async () => {
    const weights = generateModel({ weightBytes: MiB, seed: 1 });
    const facts = await scan(Buffer.concat(weights.chunks));

    assert.equal(facts.weightBytes, MiB + 16 * 4);
    assert.equal(facts.nodeCount, 3);
    assert.equal(facts.producer, 'modelmesh-testing');
    assert.deepEqual([...(await scan(model({}))).unshaped], ['b']);
  });

  it('predicts weights, nodes and the padding of matrices that kernels pack', async () => {
    const withMatrix = (columns: number, transposed: boolean) =>
      model({
        initializers: [
          { name: 'w', type: 'float', dims: transposed ? [columns, 64] : [64, columns], raw: new Uint8Array(64 * columns * 4) },
        ],
        nodes: [
          {
            op: transposed ? 'Gemm' : 'MatMul',
            inputs: ['a', 'w'],
            outputs: ['b'],
            attributes: [{ name: 'transB', kind: 'int', value: Number(transposed) }],
          },
        ],
      });
    const bytesOf = async (bytes: Uint8Array) => {
      const facts = await scan(bytes);
      return predictSessionBytes(facts) - facts.attributeBytes * ATTRIBUTE_FACTOR;
    };

    assert.equal(await bytesOf(withMatrix(16, false)), SESSION_BYTES + NODE_BYTES + 64 * 16 * 4);
    assert.equal(await bytesOf(withMatrix(4, false)), SESSION_BYTES + NODE_BYTES + 64 * 16 * 4);
    assert.equal(await bytesOf(withMatrix(4, true)), SESSION_BYTES + NODE_BYTES + 64 * 16 * 4);
  });

  it('counts constants in nodes and weights in other files', async () => {
    const constant = { name: 'c', type: 'int64' as const, dims: [1000], raw: new Uint8Array(8000) };
    const external = {
      name: 'e',
      type: 'float16' as const,
      dims: [10, 100],
      external: { location: 'w.bin', offset: 4096, length: 2000 },
    };
    const facts = await scan(
      model({
        initializers: [external],
        nodes: [
          { op: 'Constant', inputs: [], outputs: ['c'], attributes: [{ name: 'value', kind: 'tensor', value: constant }] },
          { op: 'Identity', inputs: ['a'], outputs: ['b'] },
        ],
      }),
    );

    assert.equal(facts.weightBytes - facts.attributeBytes, 8000 + 2000);
    assert.deepEqual(facts.external, [{ location: 'w.bin', endByte: 6096 }]);
  });

  it('is scanned without its weights being read: 64 GiB of zeros are skipped at once', async () => {
    const path = join(folder, 'huge.onnx');
    const bytes = Buffer.concat(generateModel({ weightBytes: MiB, seed: 1 }).chunks);
    await writeFile(path, bytes);
    // A field of a number that ONNX does not use, 64 GiB long, sparse on disk.
    const head = Buffer.of(...[0xfa, 0x07], ...[0x80, 0x80, 0x80, 0x80, 0x80, 0x02]);
    await writeFile(path, head, { flag: 'a' });
    await truncate(path, bytes.length + head.length + 2 ** 36);

    assert.equal((await scanModelFile(path)).weightBytes, MiB + 64);
  });

  it('never fails with anything but a sentence, whatever the bytes', async () => {
    const valid = Buffer.concat(generateModel({ weightBytes: 2048, seed: 1 }).chunks);
    await fc.assert(
      fc.asyncProperty(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length), async (at, byte, length) => {
        const bytes = Buffer.from(valid);
        bytes[at] = byte;
        await scan(bytes.subarray(0, length)).catch((error: unknown) => {
          assert.ok(error instanceof MeshError && ['invalid-argument', 'too-large'].includes(error.kind), String(error));
        });
      }),
      { numRuns: 300 },
    );
  });

  it('is found in a folder: by name, alone, or under the highest version', async () => {
    const root = join(folder, 'tree');
    await mkdir(join(root, 'named'), { recursive: true });
    for (const name of ['model.onnx', 'other.onnx']) await writeFile(join(root, 'named', name), '');
    await mkdir(join(root, 'alone'));
    await writeFile(join(root, 'alone', 'fraud.onnx'), '');
    for (const version of ['2', '10', 'x']) await mkdir(join(root, 'versions', version), { recursive: true });
    await writeFile(join(root, 'versions', '10', 'model.onnx'), '');
    await mkdir(join(root, 'several'));
    for (const name of ['a.onnx', 'b.onnx']) await writeFile(join(root, 'several', name), '');

    assert.equal(await locateModelFile(join(root, 'named')), join(root, 'named', 'model.onnx'));
    assert.equal(await locateModelFile(join(root, 'alone')), join(root, 'alone', 'fraud.onnx'));
    assert.equal(await locateModelFile(join(root, 'versions')), join(root, 'versions', '10', 'model.onnx'));
    assert.equal(await kindOf(() => locateModelFile(join(root, 'several'))), 'failed-precondition');
    assert.equal(await kindOf(() => locateModelFile(root)), 'not-found');
    assert.equal(await kindOf(() => locateModelFile(join(root, 'gone'))), 'not-found');
  });

  it('is not looked for among too many files, nor read where graphs nest without end', async () => {
    const crowd = join(folder, 'crowd');
    await mkdir(crowd);
    await Promise.all(Array.from({ length: FOLDER_ENTRIES_MAX + 1 }, (_, i) => writeFile(join(crowd, `${i}`), '')));
    let nested = new Uint8Array();
    for (let depth = 0; depth < GRAPH_DEPTH_MAX + 1; depth++) {
      const graph = nested;
      const attribute =
        depth === 0 ? graph : new ProtobufWriter().message(1, (node) => node.message(5, (one) => one.bytes(6, graph))).concat();
      nested = new Uint8Array(attribute);
    }

    assert.equal(await kindOf(() => locateModelFile(crowd)), 'failed-precondition');
    await assert.rejects(scan(new ProtobufWriter().bytes(7, nested).concat()), {
      kind: 'invalid-argument',
      message: /nested deeper than 32/,
    });
  });

  it('must have its external files beside it, whole', async () => {
    const facts = (location: string, endByte: number) =>
      ({ external: [{ location, endByte }] }) as unknown as Parameters<typeof checkExternalFiles>[1];
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(100));
    const at = join(folder, 'model.onnx');

    assert.equal(await checkExternalFiles(at, facts('weights.bin', 100)), 100);
    assert.equal(await kindOf(() => checkExternalFiles(at, facts('weights.bin', 101))), 'invalid-argument');
    assert.equal(await kindOf(() => checkExternalFiles(at, facts('gone.bin', 1))), 'not-found');
    assert.equal(await kindOf(() => checkExternalFiles(at, facts('../weights.bin', 1))), 'permission-denied');
    assert.equal(await kindOf(() => checkExternalFiles(at, facts('/etc/passwd', 1))), 'permission-denied');
  });
});
