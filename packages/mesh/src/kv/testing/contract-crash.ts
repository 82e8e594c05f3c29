import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MeshError, revision } from '@modelmesh/core';
import { FakeClock, SeededRandom } from '@modelmesh/core/testing';
import { openSqliteKv } from '../sqlite/index.ts';
import { RecordingSink } from './recording-sink.ts';
import { stateAfter } from './workload.ts';
import { WriterProcess } from './writer-process.ts';
import { list } from './writing.ts';

/** How often a registry is damaged, and where: equal seeds kill, cut and flip at the same places. */
export interface CrashPlan {
  readonly seed: number;
  /** Writers that are killed after a random number of acknowledgements. */
  readonly kills: number;
  /** Copies whose file, log or both are cut at random offsets. */
  readonly cuts: number;
  /** Copies with one flipped bit. */
  readonly flips: number;
}

/** Steps of the registry that is cut and flipped, more than its log holds before they go over into the file. */
const STEPS = 900;

/** What a registry file keeps whatever happens to its process or its disk. */
export function crashContract(plan: CrashPlan): void {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'mesh-kv-crash-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  killed(() => join(folder, 'killed.db'), plan);
  copied(() => folder, plan);
}

function killed(path: () => string, { seed, kills }: CrashPlan): void {
  describe('a registry file whose process was killed', () => {
    it(`holds every acknowledged write and nothing torn after each of ${kills} kills`, async () => {
      const random = new SeededRandom(seed, 'kills');
      for (let kill = 0; kill < kills; kill++) {
        const { acknowledged } = await WriterProcess.run(path(), 1 + random.below(80));
        const steps = await stepsIn(path());
        assert.ok(steps >= acknowledged, `kill ${kill}: ${acknowledged} steps were acknowledged, ${steps} are there`);
      }
    });
  });
}

function copied(folder: () => string, { seed, cuts, flips }: CrashPlan): void {
  describe('a copy of a registry that was written', () => {
    let registry: WrittenRegistry;
    before(async () => {
      registry = await WrittenRegistry.write(folder());
    });

    it(`opens at a prefix of the writes, or is refused, after each of ${cuts} cuts at random offsets`, async () => {
      const random = new SeededRandom(seed, 'cuts');
      const seen: (number | undefined)[] = [];
      for (let cut = 0; cut < cuts; cut++) {
        registry.copyAnew();
        const [fileSize, logSize] = [statSync(registry.file).size, statSync(registry.log).size];
        const fileEnd = cut % 3 === 0 ? fileSize : random.below(fileSize + 1);
        const logEnd = cut % 3 === 1 ? logSize : random.below(logSize + 1);
        truncateSync(registry.file, fileEnd);
        truncateSync(registry.log, logEnd);
        seen.push(await registry.look(`file cut to ${fileEnd}, log to ${logEnd}`));
      }
      assert.ok(seen.includes(undefined), 'no cut was refused');
      const shorter = seen.some((steps) => steps !== undefined && steps > 0 && steps < registry.steps);
      assert.ok(shorter, 'no cut gave a shorter prefix');
    });

    it(`opens with the right state, or is refused, after each of ${flips} flipped bytes`, async () => {
      const random = new SeededRandom(seed, 'flips');
      const seen: (number | undefined)[] = [];
      for (let flip = 0; flip < flips; flip++) {
        registry.copyAnew();
        const name = flip % 2 === 0 ? registry.file : registry.log;
        const content = readFileSync(name);
        const offset = random.below(content.length);
        content[offset] = (content[offset] ?? 0) ^ (1 << random.below(8));
        writeFileSync(name, content);
        seen.push(await registry.look(`${name} flipped at ${offset}`));
      }
      assert.ok(seen.includes(undefined), 'no flip was noticed');
    });
  });
}

/** A registry whose writer was killed, and a copy of it to be damaged. */
class WrittenRegistry {
  readonly file: string;
  readonly log: string;
  /** Steps that the undamaged registry holds. */
  readonly steps: number;
  readonly #original: string;

  private constructor(folder: string, original: string, steps: number) {
    this.file = join(folder, 'copy.db');
    this.log = `${this.file}-wal`;
    this.steps = steps;
    this.#original = original;
  }

  static async write(folder: string): Promise<WrittenRegistry> {
    const original = join(folder, 'original.db');
    await WriterProcess.run(original, STEPS);
    const counted = join(folder, 'count.db');
    copyFileSync(original, counted);
    copyFileSync(`${original}-wal`, `${counted}-wal`);
    return new WrittenRegistry(folder, original, await stepsIn(counted));
  }

  copyAnew(): void {
    rmSync(`${this.file}.lock`, { force: true });
    copyFileSync(this.#original, this.file);
    copyFileSync(`${this.#original}-wal`, this.log);
  }

  /** @returns the steps in the copy, or undefined where it was refused with a clear error */
  async look(what: string): Promise<number | undefined> {
    try {
      const steps = await stepsIn(this.file);
      assert.ok(steps <= this.steps, what);
      return steps;
    } catch (thrown) {
      if (!(thrown instanceof MeshError)) throw new Error(what, { cause: thrown });
      assert.equal(thrown.kind, 'failed-precondition', `${what}: ${thrown.message}`);
      assert.match(thrown.message, /is damaged \(.+\); restore it/);
      assert.ok(!existsSync(`${this.file}.lock`), 'a refused file stays locked');
      return undefined;
    }
  }
}

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
