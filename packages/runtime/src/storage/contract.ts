import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { MeshError, type MeshErrorKind } from '@modelmesh/core';
import type { ModelSource, StorageAdapter } from './port.ts';

/** One adapter with a place where the suite can put content. */
export interface StorageSubject<Source extends ModelSource> {
  readonly adapter: StorageAdapter<Source>;
  /** Publishes `content` and names it; with `sha256` as the promise to be checked. */
  publish(name: string, content: Uint8Array, sha256?: string): Promise<Source>;
  /** Names content that does not exist. */
  missing(name: string): Source;
}

/** Runs `act` and returns the kind of the {@link MeshError} that it must end in. */
export async function errorOf(act: Promise<unknown>): Promise<{ kind: MeshErrorKind; message: string }> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MeshError, `expected a MeshError, got ${String(error)}`);
  return { kind: error.kind, message: error.message };
}

/** What every storage adapter must do; call it inside a `describe`. */
export function storageContract<Source extends ModelSource>(make: () => Promise<StorageSubject<Source>>): void {
  const never = new AbortController().signal;
  const content = Buffer.from('weights '.repeat(5_000));
  const sha256 = createHash('sha256').update(content).digest('hex');

  it('brings the published bytes', async () => {
    const { adapter, publish } = await make();

    const files = await adapter.fetch('m', await publish('a.onnx', content), never);

    assert.deepEqual(await readFile(files.path), content);
    assert.match(files.path, /a\.onnx$/);
  });

  it('accepts content with the promised digest, twice', async () => {
    const { adapter, publish } = await make();
    const source = await publish('a.onnx', content, sha256);

    await adapter.fetch('m', source, never);
    const files = await adapter.fetch('m', source, never);

    assert.deepEqual(await readFile(files.path), content);
  });

  it('refuses content with another digest, naming both', async () => {
    const { adapter, publish } = await make();
    const wrong = 'ab'.repeat(32);

    const error = await errorOf(adapter.fetch('m', await publish('a.onnx', content, wrong), never));

    assert.equal(error.kind, 'failed-precondition');
    assert.match(error.message, new RegExp(sha256));
    assert.match(error.message, new RegExp(wrong));
  });

  it('says what is missing', async () => {
    const { adapter, missing } = await make();

    const error = await errorOf(adapter.fetch('m', missing('gone.onnx'), never));

    assert.equal(error.kind, 'not-found');
    assert.match(error.message, /gone\.onnx/);
  });

  it('finds what was fetched without fetching it again', async () => {
    const { adapter, publish } = await make();
    const source = await publish('a.onnx', content);

    const { path } = await adapter.fetch('m', source, never);

    assert.equal(await adapter.find(source), path);
  });

  it('releases a model that it never saw', async () => {
    const { adapter } = await make();

    await adapter.release('stranger');
  });

  it('brings the bytes again after the release', async () => {
    const { adapter, publish } = await make();
    const source = await publish('a.onnx', content);

    (await adapter.fetch('m', source, never)).done();
    await adapter.release('m');
    const files = await adapter.fetch('m', source, never);

    assert.deepEqual(await readFile(files.path), content);
  });
}
