import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import type { MeshError } from '@modelmesh/core';
import type { MessageEncoding } from '@modelmesh/grpc/compression';
import { ModelInferRequestSchema } from '@modelmesh/wire/inference';
import type { MethodRule } from '../../link/index.ts';
import { MessageOpener, type OpenedIds } from './message-opener.ts';

const RULE: MethodRule = { idPath: [1], names: 'name', versionPath: [2], headersFirst: true };
const LIMITS = { messageBytesMax: 100_000, inflateRatioMax: 100 };

const framed = (bytes: Uint8Array, compressed = false): Buffer => {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
};
const infer = (fields: { modelName?: string; modelVersion?: string; id?: string; bytes?: number }): Uint8Array =>
  toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, {
      ...fields,
      rawInputContents: fields.bytes === undefined ? [] : [new Uint8Array(fields.bytes)],
    }),
  );

function open(stream: Buffer, cut: number, encoding: MessageEncoding = 'identity'): Promise<OpenedIds> {
  return new Promise((resolve, reject) => {
    const opener = new MessageOpener(RULE, encoding, LIMITS, {
      onOpened: resolve,
      onOpenFailed: (error: MeshError) => reject(error),
    });
    opener.push(stream.subarray(0, cut), false);
    opener.push(stream.subarray(cut), true);
  });
}

describe('opening the first message', () => {
  it('law: finds the same wherever the bytes are cut, compressed or not', async () => {
    const message = infer({ modelName: 'fraud', modelVersion: '3', id: 'x', bytes: 40 });
    for (const [stream, encoding] of [
      [framed(message), 'identity'],
      [framed(gzipSync(message), true), 'gzip'],
    ] as const) {
      for (let cut = 0; cut <= stream.length; cut++) {
        assert.deepEqual(await open(stream, cut, encoding), { id: 'fraud', version: '3' }, `cut at ${cut}, ${encoding}`);
      }
    }
  });

  it('decides without a version as soon as a later field begins', () => {
    const stream = framed(infer({ modelName: 'fraud', id: 'x', bytes: 50_000 }));
    let opened: OpenedIds | undefined;
    const opener = new MessageOpener(RULE, 'identity', LIMITS, { onOpened: (ids) => (opened = ids), onOpenFailed: assert.fail });
    opener.push(stream.subarray(0, 20), false);
    assert.deepEqual(opened, { id: 'fraud', version: null });
  });

  it('finds nothing in an empty request or an empty message', async () => {
    assert.deepEqual(await open(Buffer.alloc(0), 0), { id: null, version: null });
    assert.deepEqual(await open(framed(new Uint8Array(0)), 5), { id: null, version: null });
  });

  it('refuses a message above the limit, a bomb, and bytes that are no message', async () => {
    await assert.rejects(open(framed(infer({ modelName: 'm', bytes: 200_000 })), 3), { kind: 'too-large' });
    const bomb = gzipSync(infer({ bytes: 90_000 }));
    await assert.rejects(open(framed(bomb, true), 3, 'identity'), { kind: 'invalid-argument' });
    await assert.rejects(open(framed(Uint8Array.of(0x0a, 0x50, 0x41)), 8), { kind: 'invalid-argument', message: /byte 0/ });
  });
});
