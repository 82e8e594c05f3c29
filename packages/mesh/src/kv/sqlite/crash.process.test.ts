import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { MeshError, revision } from '@modelmesh/core';
import { FakeClock, SeededRandom } from '@modelmesh/core/testing';
import { list, RecordingSink, stateAfter, WriterProcess } from '../testing/index.ts';
import { openSqliteKv } from './index.ts';

const KILLS = 30;
const CUTS = 60;
const FLIPS = 30;

const folder = mkdtempSync(join(tmpdir(), 'mesh-kv-crash-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Opens the file and compares all of it, history included, with the workload. @returns the steps in it */
async function stepsIn(path: string): Promise<number> {
  const kv = await openSqliteKv({ location: path, clock: new FakeClock() });
  try {
    const { revision: steps, pairs } = await list(kv, '');
    assert.deepEqual(new Map(pairs), stateAfter(steps));
    const sink = new RecordingSink();
    kv.watch('', { from: revision(Math.max(1, steps - 20)) }, sink);
    if (steps > 0) await sink.until(({ end, batches }) => end !== undefined || batches.at(-1)?.revision === steps);
    for (const { revision: at, events } of sink.batches) {
      const step = events.find((event) => event.kind === 'put' && event.entry.key === 'step');
      assert.equal(step?.kind === 'put' && step.entry.value, String(at));
    }
    return steps;
  } finally {
    await kv.close();
  }
}

describe('a registry file whose process was killed', () => {
  it(`holds every acknowledged write and nothing torn after each of ${KILLS} kills`, async () => {
    const random = new SeededRandom(1, 'kills');
    const path = join(folder, 'killed.db');
    for (let kill = 0; kill < KILLS; kill++) {
      const { acknowledged } = await WriterProcess.run(path, 1 + random.below(80));
      const steps = await stepsIn(path);
      assert.ok(steps >= acknowledged, `kill ${kill}: ${acknowledged} steps were acknowledged, ${steps} are there`);
    }
  });
});

describe('a copy of a registry that was written', () => {
  const original = join(folder, 'original.db');
  const copy = join(folder, 'copy.db');
  let stepsWritten = 0;

  async function prepare(): Promise<void> {
    if (stepsWritten > 0) return;
    await WriterProcess.run(original, 900);
    copyFileSync(original, join(folder, 'count.db'));
    copyFileSync(`${original}-wal`, join(folder, 'count.db-wal'));
    stepsWritten = await stepsIn(join(folder, 'count.db'));
  }
  const freshCopy = (): void => {
    rmSync(`${copy}.lock`, { force: true });
    copyFileSync(original, copy);
    copyFileSync(`${original}-wal`, `${copy}-wal`);
  };
  /** @returns the steps in the copy, or undefined where it was refused with a clear error */
  const look = async (what: string): Promise<number | undefined> => {
    try {
      const steps = await stepsIn(copy);
      assert.ok(steps <= stepsWritten, what);
      return steps;
    } catch (thrown) {
      if (!(thrown instanceof MeshError)) throw new Error(what, { cause: thrown });
      assert.equal(thrown.kind, 'failed-precondition', `${what}: ${thrown.message}`);
      assert.match(thrown.message, /is damaged \(.+\); restore it/);
      assert.ok(!existsSync(`${copy}.lock`), 'a refused file stays locked');
      return undefined;
    }
  };

  it(`opens at a prefix of the writes, or is refused, after each of ${CUTS} cuts at random offsets`, async () => {
    await prepare();
    const random = new SeededRandom(1, 'cuts');
    const seen: (number | undefined)[] = [];
    for (let cut = 0; cut < CUTS; cut++) {
      freshCopy();
      const [cutFile, cutLog] = [cut % 3 !== 0, cut % 3 !== 1];
      const fileSize = cutFile ? random.below(statSync(copy).size + 1) : statSync(copy).size;
      const logSize = cutLog ? random.below(statSync(`${copy}-wal`).size + 1) : statSync(`${copy}-wal`).size;
      truncateSync(copy, fileSize);
      truncateSync(`${copy}-wal`, logSize);
      seen.push(await look(`file cut to ${fileSize}, log to ${logSize}`));
    }
    assert.ok(seen.includes(undefined), 'no cut was refused');
    assert.ok(
      seen.some((steps) => steps !== undefined && steps > 0 && steps < stepsWritten),
      'no cut gave a shorter prefix',
    );
  });

  it(`opens with the right state, or is refused, after each of ${FLIPS} flipped bytes`, async () => {
    await prepare();
    const random = new SeededRandom(1, 'flips');
    const seen: (number | undefined)[] = [];
    for (let flip = 0; flip < FLIPS; flip++) {
      freshCopy();
      const name = flip % 2 === 0 ? copy : `${copy}-wal`;
      const content = readFileSync(name);
      const offset = random.below(content.length);
      content[offset] = (content[offset] ?? 0) ^ (1 << random.below(8));
      writeFileSync(name, content);
      seen.push(await look(`${name} flipped at ${offset}`));
    }
    assert.ok(seen.includes(undefined), 'no flip was noticed');
  });
});
