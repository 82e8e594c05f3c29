import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Revision, revision } from '@modelmesh/core';
import fc from 'fast-check';
import type { Kv, KvCondition, KvEntry, KvOperation } from '../port.ts';
import type { MakeStore } from './contract.ts';
import { RecordingSink } from './recording-sink.ts';
import { put, remove } from './writing.ts';

const KEYS = ['a', 'a/1', 'a/2', 'b', '\uffff', '\u{10000}'];
/** Steps in one sequence of calls. */
const STEPS_MAX = 40;

/** The store as one would write it who had nothing to care for. It begins, empty, at the revision where the real one was found. */
class NaiveStore {
  readonly start: Revision;
  revision: Revision;
  readonly #states: ReadonlyMap<string, KvEntry>[] = [new Map()];

  constructor(start: Revision) {
    this.start = start;
    this.revision = start;
  }

  stateAt(at: Revision): ReadonlyMap<string, KvEntry> {
    return this.#states[at - this.start] ?? new Map();
  }

  /** So many revisions ago, but not before the beginning. */
  ago(back: number): Revision {
    return revision(Math.max(this.start, this.revision - back));
  }

  get state(): ReadonlyMap<string, KvEntry> {
    return this.#states.at(-1) ?? new Map();
  }

  holds(condition: KvCondition): boolean {
    const modRevision = this.state.get(condition.key)?.modRevision;
    if (condition.kind === 'unchanged') return modRevision === condition.modRevision;
    return (modRevision === undefined) === (condition.kind === 'absent');
  }

  apply(operations: readonly KvOperation[]): Revision {
    const at = revision(this.revision + 1);
    const next = new Map(this.state);
    let changed = false;
    for (const operation of operations) {
      if (operation.kind === 'delete') changed = next.delete(operation.key) || changed;
      else {
        const { key, value } = operation;
        next.set(key, { key, value, createRevision: next.get(key)?.createRevision ?? at, modRevision: at });
        changed = true;
      }
    }
    if (changed) {
      this.revision = at;
      this.#states.push(next);
    }
    return this.revision;
  }
}

type Command = fc.AsyncCommand<NaiveStore, Kv>;
/** A condition without its revision: how far back the one lies that it compares. */
type Guard = { readonly kind: KvCondition['kind']; readonly key: string; readonly back: number };

class Transact implements Command {
  readonly #guards: readonly Guard[];
  readonly #operations: readonly KvOperation[];

  constructor(guards: readonly Guard[], operations: readonly KvOperation[]) {
    this.#guards = guards;
    this.#operations = operations;
  }

  check = (): boolean => true;

  async run(model: NaiveStore, kv: Kv): Promise<void> {
    const conditions = this.#guards.map(({ kind, key, back }): KvCondition => {
      if (kind !== 'unchanged') return { kind, key };
      const known = model.state.get(key)?.modRevision ?? 0;
      return { kind, key, modRevision: revision(Math.max(0, known - back)) };
    });
    const expected = conditions.every((condition) => model.holds(condition))
      ? { kind: 'committed', revision: model.apply(this.#operations) }
      : { kind: 'conflict', revision: model.revision, current: conditions.map(({ key }) => model.state.get(key) ?? null) };
    assert.deepEqual(await kv.txn({ conditions, operations: this.#operations }), expected);
  }

  toString = (): string => JSON.stringify([this.#guards, this.#operations]);
}

class Range implements Command {
  readonly #prefix: string;
  readonly #limit: number;
  readonly #back: number;

  constructor(prefix: string, limit: number, back: number) {
    this.#prefix = prefix;
    this.#limit = limit;
    this.#back = back;
  }

  check = (): boolean => true;

  async run(model: NaiveStore, kv: Kv): Promise<void> {
    const at = model.ago(this.#back);
    const all = KEYS.filter((key) => key.startsWith(this.#prefix)).flatMap((key) => model.stateAt(at).get(key) ?? []);
    assert.deepEqual(await kv.range(this.#prefix, { limit: this.#limit, revision: at }), {
      kind: 'page',
      revision: at,
      entries: all.slice(0, this.#limit),
      more: all.length > this.#limit,
    });
  }

  toString = (): string => `range(${this.#prefix}, ${this.#limit}, ${this.#back} back)`;
}

class Watch implements Command {
  readonly #back: number;

  constructor(back: number) {
    this.#back = back;
  }

  check = (): boolean => true;

  /** Folds the batches over the state before them: the result must be today's. */
  async run(model: NaiveStore, kv: Kv): Promise<void> {
    const start = model.ago(this.#back);
    const folded = new Map(model.stateAt(start));
    const sink = new RecordingSink();
    const watch = kv.watch('', { from: revision(start + 1) }, sink);
    if (start < model.revision) await sink.untilRevision(model.revision);
    watch.cancel();
    assert.deepEqual(
      sink.revisions,
      Array.from({ length: model.revision - start }, (_, index) => start + 1 + index),
    );
    for (const event of sink.events) event.kind === 'put' ? folded.set(event.entry.key, event.entry) : folded.delete(event.key);
    assert.deepEqual(folded, new Map(model.state));
  }

  toString = (): string => `watch(${this.#back} back)`;
}

/** Any sequence of calls is answered as a naive store answers it. */
export function modelContract(makeStore: MakeStore, numRuns: number): void {
  const key = fc.constantFrom(...KEYS);
  const guard = fc.record({ kind: fc.constantFrom('unchanged', 'absent', 'present'), key, back: fc.constantFrom(0, 0, 0, 1) });
  const operation = fc.oneof(
    fc.tuple(key, fc.string({ maxLength: 5, unit: 'grapheme' })).map(([at, value]) => put(at, value)),
    key.map(remove),
  );
  const operations = fc.uniqueArray(operation, { maxLength: 4, selector: (one) => one.key });
  const back = fc.nat({ max: 6 });
  const commands = fc.commands(
    [
      fc.tuple(fc.array(guard, { maxLength: 2 }), operations).map(([guards, changes]) => new Transact(guards, changes)),
      operations.map((changes) => new Transact([], changes)),
      fc.tuple(fc.constantFrom('', 'a', 'a/', '\uffff'), fc.integer({ min: 1, max: 4 }), back).map((args) => new Range(...args)),
      back.map((count) => new Watch(count)),
    ],
    { maxCommands: STEPS_MAX },
  );
  it('answers any sequence of calls as a naive store does', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        const { kv, dispose } = await makeStore();
        try {
          const { revision: start } = await kv.get(KEYS[0] ?? '');
          await fc.asyncModelRun(() => ({ model: new NaiveStore(start), real: kv }), steps);
        } finally {
          await kv.close();
          dispose();
        }
      }),
      { numRuns },
    );
  });
}
