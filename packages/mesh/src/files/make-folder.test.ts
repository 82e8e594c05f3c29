import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { makeFolder } from './index.ts';

/** `/proc` says of whatever is to be made in it that it is missing, where there is a `/proc`. */
const LIARS = existsSync('/proc') ? ['/proc/nope', '/proc/nope/below/it'].map((path) => [path, 'ENOENT'] as const) : [];

const root = mkdtempSync(join(tmpdir(), 'mesh-folder-'));
after(() => rmSync(root, { recursive: true }));

describe('a folder', () => {
  it('is made with those above it, and left alone where it is', () => {
    const path = join(root, 'a', 'b', 'c');
    makeFolder(path);
    writeFileSync(join(path, 'kept'), '');
    makeFolder(path);
    makeFolder('/');
    assert.ok(statSync(join(path, 'kept')).isFile());
  });

  it('may be reached by a link', () => {
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real'), join(root, 'link'));
    makeFolder(join(root, 'link'));
    makeFolder(join(root, 'link', 'below'));
    assert.ok(statSync(join(root, 'real', 'below')).isDirectory());
  });

  it('that cannot be made is an error at once, also where the system lies about what is missing', () => {
    writeFileSync(join(root, 'file'), '');
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    for (const [path, code] of [
      [join(root, 'file'), 'EEXIST'],
      [join(root, 'file', 'below'), 'ENOTDIR'],
      [join(root, 'dangling'), 'EEXIST'],
      ...LIARS,
    ] as const)
      assert.throws(() => makeFolder(path), { code }, path);
  });
});
