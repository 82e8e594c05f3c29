import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock, SeededRandom } from '@modelmesh/core/testing';
import { createLog } from '../log/index.ts';
import { checkTokenKeys, FollowedKeys, type TokenKeys } from './index.ts';

const secretOf = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
const ONE = secretOf(1);
const TWO = secretOf(2);

function rig(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-keys-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLog({ level: 'info', instance: 'i', service: 's', sink: { write: (line) => void lines.push(line) } });
  const follow = (kind: 'named' | 'own', path: string) => {
    const followed = new FollowedKeys({ keys: { kind, path }, rememberedMax: 1 }, { clock, random: new SeededRandom(1), log });
    context.after(() => followed.stop());
    return followed;
  };
  /** Until the watcher has seen a change and told it, or found it to be none. */
  const settle = async (): Promise<void> => {
    while (clock.pendingTimers === 0) await new Promise(setImmediate);
    clock.runAll();
  };
  const write = (path: string, text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  return { folder, lines, follow, settle, write };
}

const idsOf = (keys: TokenKeys): readonly string[] => keys.map(({ id }) => id);

describe('keys of tokens in files', () => {
  it('are made by a node that has its registry for itself, for its owner alone, and found again', (context) => {
    const { folder, follow } = rig(context);
    const path = join(folder, 'token-keys');
    const { keys, readiness } = follow('own', path);
    assert.deepEqual(readiness, { ready: true });
    assert.equal(keys.length, 1);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(follow('own', path).keys, keys);
  });

  it('that cannot be made leave the node without tokens, and say why', (context) => {
    const { folder, follow, lines } = rig(context);
    const { readiness } = follow('own', join(folder, 'missing', 'token-keys'));
    assert.match(readiness.ready ? '' : readiness.why, /cannot be made in .*: ENOENT/);
    assert.match(lines.join(''), /token-keys-missing/);
  });

  it('are replaced while they are used; wrong ones leave the old, and no secret is logged', async (context) => {
    const { folder, follow, lines, settle, write } = rig(context);
    const path = join(folder, 'keys');
    write(path, `a:${ONE}`);
    const followed = follow('named', path);
    const told: (readonly string[])[] = [];
    followed.onChange((keys) => told.push(idsOf(keys)));
    write(path, `a:${ONE}\nb:${TWO}`);
    await settle();
    write(path, `b:${TWO}\na:${ONE}`);
    await settle();
    write(path, `b:${TWO}x`);
    await settle();
    writeFileSync(join(folder, 'another'), '');
    await settle();
    assert.deepEqual(told, [
      ['a', 'b'],
      ['b', 'a'],
    ]);
    assert.deepEqual(idsOf(followed.keys), ['b', 'a']);
    const said = lines.join('');
    assert.match(said, /token-keys-changed.*b, a; the first one signs/);
    assert.match(said, /token-keys-kept.*line 1: the secret of key b/);
    for (const secret of [ONE, TWO]) assert.ok(!said.includes(secret.slice(0, 10)));
  });

  it('may be a folder, as a secret is mounted and swapped', async (context) => {
    const { folder, follow, settle } = rig(context);
    const mount = (name: string, files: Readonly<Record<string, string>>): void => {
      mkdirSync(join(folder, name));
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), text);
      symlinkSync(name, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    mount('..first', { a: `${ONE}\n` });
    for (const file of ['a', 'b', 'signing']) symlinkSync(join('..data', file), join(folder, file));
    rmSync(join(folder, 'b'));
    rmSync(join(folder, 'signing'));
    const followed = follow('named', folder);
    assert.deepEqual(idsOf(followed.keys), ['a']);
    symlinkSync(join('..data', 'b'), join(folder, 'b'));
    symlinkSync(join('..data', 'signing'), join(folder, 'signing'));
    mount('..second', { a: ONE, b: TWO, signing: 'b\n' });
    await settle();
    assert.deepEqual(idsOf(followed.keys), ['b', 'a']);
  });

  it('are checked before a node starts', (context) => {
    const { folder, write } = rig(context);
    const path = join(folder, 'keys');
    const check = (file: string) =>
      checkTokenKeys({ tokens: { keys: { kind: 'named', path: file }, rememberedMax: 1 } }).map(({ expected }) => expected);
    assert.match(check(path).join(), /cannot be read: ENOENT/);
    write(path, 'nonsense');
    assert.match(check(path).join(), /line 1: expected id:base64/);
    write(path, 'x'.repeat(65_537));
    assert.match(check(path).join(), /more than 65536 bytes/);
    write(path, `a:${ONE}`);
    assert.deepEqual(check(path), []);
    assert.deepEqual(checkTokenKeys({ tokens: { keys: { kind: 'none' }, rememberedMax: 1 } }), []);
    const signing = join(folder, 'secret');
    mkdirSync(signing);
    writeFileSync(join(signing, 'a'), ONE);
    writeFileSync(join(signing, 'signing'), 'c');
    assert.match(check(signing).join(), /signing: names no key/);
  });
});

it('a node with etcd and no keys says what to do', (context) => {
  const { lines } = rig(context);
  const log = createLog({ level: 'info', instance: 'i', service: 's', sink: { write: (line) => void lines.push(line) } });
  const parts = { clock: new FakeClock(), random: new SeededRandom(1), log };
  const { readiness, keys } = new FollowedKeys({ keys: { kind: 'none' }, rememberedMax: 1 }, parts);
  assert.deepEqual(keys, []);
  assert.match(readiness.ready ? '' : readiness.why, /tokens\.keys of every node/);
});
