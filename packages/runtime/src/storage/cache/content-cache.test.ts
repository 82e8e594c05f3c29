import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { toMeshError } from '@modelmesh/core';
import { errorOf } from '../contract.ts';
import { ContentCache, type ContentRequest } from './index.ts';

const never = new AbortController().signal;

describe('the content cache', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-cache-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const open = (budgetBytes: number) => ContentCache.open({ folder, budgetBytes });
  const content = (key: string, byteCount: number, differing: Partial<ContentRequest> = {}): ContentRequest => ({
    modelId: `model-${key}`,
    key,
    fileName: 'm.onnx',
    immutable: true,
    fill: async (partial) => {
      await partial.reserve(byteCount);
      await writeFile(partial.path, Buffer.alloc(byteCount, key));
    },
    ...differing,
  });

  it('removes the least recently used content that nobody loads, and no more than needed', async () => {
    const cache = await open(30);
    for (const key of ['a', 'b', 'c']) (await cache.acquire(content(key, 10), never)).done();
    (await cache.acquire(content('a', 10), never)).done();

    (await cache.acquire(content('d', 10), never)).done();

    assert.deepEqual((await readdir(folder)).sort(), ['a', 'c', 'd']);
    assert.equal(cache.usedBytes, 30);
  });

  it('refuses content for which there is no room beside what is being loaded, and forgets the try', async () => {
    const cache = await open(30);
    const held = await cache.acquire(content('a', 20), never);

    const error = await errorOf(cache.acquire(content('b', 20), never));
    held.done();
    const files = await cache.acquire(content('b', 20), never);

    assert.equal(error.kind, 'no-capacity');
    assert.match(error.message, /30 bytes/);
    assert.equal(files.cachedBytes, 20);
    assert.deepEqual(await readdir(folder), ['b']);
  });

  it('keeps no more entries than it may, however small', async () => {
    const cache = await ContentCache.open({ folder, budgetBytes: 1000, entriesMax: 2 });
    for (const key of ['a', 'b', 'c']) (await cache.acquire(content(key, 1), never)).done();

    assert.deepEqual((await readdir(folder)).sort(), ['b', 'c']);
  });

  it('says that the disk is full', async () => {
    const cache = await open(30);
    const fill = () => writeFile('/dev/full', 'x');

    const error = await errorOf(cache.acquire(content('a', 1, { fill }), never));

    assert.equal(error.kind, 'no-capacity');
    assert.match(error.message, /full/);
    assert.deepEqual(await readdir(folder), []);
  });

  it('downloads once for all that wait, and stops only when the last of them leaves', async () => {
    const cache = await open(30);
    let fills = 0;
    const begun = Promise.withResolvers<void>();
    const stopped: boolean[] = [];
    const fill: ContentRequest['fill'] = (_partial, signal) =>
      new Promise((_resolve, reject) => {
        fills++;
        begun.resolve();
        signal.addEventListener('abort', () => {
          stopped.push(true);
          reject(signal.reason);
        });
      });
    const [first, second] = [new AbortController(), new AbortController()];
    const a = errorOf(cache.acquire(content('a', 10, { fill }), first.signal).catch(toCancelled));
    const b = errorOf(cache.acquire(content('a', 10, { fill }), second.signal).catch(toCancelled));
    await begun.promise;

    first.abort();
    const stoppedByFirst = stopped.length;
    second.abort();

    assert.deepEqual([fills, stoppedByFirst, stopped.length], [1, 0, 1]);
    const again = await cache.acquire(content('a', 10), never);
    assert.deepEqual([(await a).kind, (await b).kind], ['cancelled', 'cancelled']);
    assert.equal(again.cachedBytes, 10, 'a caller that comes while the cancelled download clears up gets its own');
  });

  it('makes its folder with those above it, or says at once that it cannot', async () => {
    const deep = join(folder, 'a', 'b');
    const cache = await ContentCache.open({ folder: deep, budgetBytes: 10 });
    (await cache.acquire(content('a', 10), never)).done();
    assert.equal((await ContentCache.open({ folder: deep, budgetBytes: 10 })).usedBytes, 10);
    const file = join(folder, 'file');
    await writeFile(file, '');
    // Of `/proc` the system says that what is to be made in it is missing; Node's own recursive call never returns then.
    const impossible = [join(file, 'below'), ...(existsSync('/proc') ? ['/proc/nope/content'] : [])];
    for (const path of impossible)
      assert.equal((await errorOf(ContentCache.open({ folder: path, budgetBytes: 10 }))).kind, 'not-found');
  });

  it('takes over whole content at the start and removes what was left half done', async () => {
    await mkdir(join(folder, 'a'));
    await writeFile(join(folder, 'a', 'm.onnx'), 'whole');
    await mkdir(join(folder, 'b.partial'));
    await writeFile(join(folder, 'b.partial', 'm.onnx'), 'ha');
    await mkdir(join(folder, 'empty'));

    const cache = await open(30);
    const files = await cache.acquire(content('a', 5, { fill: () => Promise.reject(new Error('must not download')) }), never);

    assert.equal(await readFile(files.path, 'utf8'), 'whole');
    assert.deepEqual(await readdir(folder), ['a']);
  });

  it('drops content that may change with its last model and keeps content that cannot', async () => {
    const cache = await open(30);
    (await cache.acquire(content('a', 5, { immutable: false, modelId: 'x' }), never)).done();
    (await cache.acquire(content('a', 5, { immutable: false, modelId: 'y' }), never)).done();
    (await cache.acquire(content('b', 5, { modelId: 'z' }), never)).done();

    await cache.release('x');
    const afterFirst = (await readdir(folder)).sort();
    await cache.release('y');
    await cache.release('z');

    assert.deepEqual(afterFirst, ['a', 'b']);
    assert.deepEqual(await readdir(folder), ['b']);
  });

  it('drops what a model had when it wants other content', async () => {
    const cache = await open(30);
    for (const key of ['a', 'b']) (await cache.acquire(content(key, 5, { immutable: false, modelId: 'x' }), never)).done();
    assert.deepEqual([await readdir(folder), cache.usedBytes], [['b'], 5]);
    await cache.release('x');
    assert.deepEqual(await readdir(folder), []);
  });
});

function toCancelled(error: unknown): never {
  throw toMeshError(error);
}
