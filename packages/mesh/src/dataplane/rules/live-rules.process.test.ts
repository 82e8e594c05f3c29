import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../node/index.ts';
import { type RulesChange, watchMethodRules } from './index.ts';

const rulesText = (method: string): string => JSON.stringify({ rpcConfigs: { [method]: { idExtractionPath: [1] } } });

function watched(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-rules-'));
  const changes: RulesChange[] = [];
  let told: () => void = () => {};
  const start = (path: string): void => {
    const stop = watchMethodRules({ kind: 'file', path }, systemClock, (change) => {
      changes.push(change);
      told();
    });
    context.after(() => {
      stop();
      rmSync(folder, { recursive: true });
    });
  };
  const next = async (act: () => void): Promise<RulesChange | undefined> => {
    const waiting = new Promise<void>((resolve) => {
      told = resolve;
    });
    act();
    await waiting;
    return changes.at(-1);
  };
  return { folder, changes, start, next };
}

describe('the watched file of rules', () => {
  it('changes the rules, keeps the old ones while it is wrong, and recovers', async (context) => {
    const { folder, changes, start, next } = watched(context);
    const path = join(folder, 'rules.json');
    writeFileSync(path, rulesText('a.B/One'));
    start(path);
    const second = await next(() => writeFileSync(path, rulesText('a.B/Two')));
    assert.ok(second?.kind === 'changed' && second.rules.rules.has('a.B/Two'));
    const broken = await next(() => writeFileSync(path, '{"rpcConfigs": oops'));
    assert.ok(broken?.kind === 'kept');
    assert.match(broken.error.message, /rules\.json: expected valid JSON/);
    const third = await next(() => writeFileSync(path, rulesText('a.B/Three')));
    assert.ok(third?.kind === 'changed' && third.rules.rules.has('a.B/Three'));
    assert.equal(changes.length, 3);
  });

  it('is found again when Kubernetes swaps the folder that it stands in', async (context) => {
    const { folder, start, next } = watched(context);
    const version = (name: string, method: string): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'rules.json'), rulesText(method));
    };
    version('..1', 'a.B/One');
    symlinkSync('..1', join(folder, '..data'));
    symlinkSync(join('..data', 'rules.json'), join(folder, 'rules.json'));
    start(join(folder, 'rules.json'));
    const swapped = await next(() => {
      version('..2', 'a.B/Two');
      symlinkSync('..2', join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    });
    assert.ok(swapped?.kind === 'changed' && swapped.rules.rules.has('a.B/Two'));
  });
});
