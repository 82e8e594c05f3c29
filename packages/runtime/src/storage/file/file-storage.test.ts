import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { errorOf, storageContract } from '../contract.ts';
import { createFileStorage } from './index.ts';

describe('the file storage', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-file-'));
  });
  after(() => rm(folder, { recursive: true }));
  const never = new AbortController().signal;
  const source = (path: string, sha256?: string) => ({ kind: 'file' as const, path, sha256 });

  storageContract(async () => ({
    adapter: createFileStorage({ root: undefined }),
    publish: async (name, content, sha256) => {
      await writeFile(join(folder, name), content);
      return source(join(folder, name), sha256);
    },
    missing: (name) => source(join(folder, name)),
  }));

  it('reads a folder in place and refuses to check a digest for it', async () => {
    const storage = createFileStorage({ root: undefined });

    assert.equal((await storage.fetch('m', source(folder), never)).cachedBytes, 0);
    assert.equal((await errorOf(storage.fetch('m', source(folder, 'ab'.repeat(32)), never))).kind, 'invalid-argument');
  });

  it('never leaves the root, by dots, by an absolute path or by a link', async () => {
    const root = join(folder, 'root');
    await mkdir(root);
    await writeFile(join(folder, 'secret'), 'x');
    await writeFile(join(root, 'inside'), 'x');
    await symlink(join(folder, 'secret'), join(root, 'link'));
    await symlink(join(root, 'inside'), join(root, 'good-link'));
    const storage = createFileStorage({ root });
    const kindOf = async (path: string) => (await errorOf(storage.fetch('m', source(path), never))).kind;

    assert.equal(await kindOf(join(root, '../secret')), 'permission-denied');
    assert.equal(await kindOf('/etc/hostname'), 'permission-denied');
    assert.equal(await kindOf('/no/such/file'), 'permission-denied', 'what exists outside the root is not told');
    assert.equal(await kindOf(join(root, 'link')), 'permission-denied');
    assert.equal((await storage.fetch('m', source(join(root, 'good-link')), never)).path, join(root, 'inside'));
  });
});
