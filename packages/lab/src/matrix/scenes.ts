/** The situations that every way of calling is put into. Each says what came of its cell, and throws where that is not as documented. */
import assert from 'node:assert/strict';
import { copyStates, eventsOf, eventually } from '../faults/index.ts';
import type { CallKind, Ended, OpenCall } from './call-kinds.ts';
import type { Stage } from './stage.ts';

/** One situation. */
export interface Scene {
  readonly name: string;
  /** What came of the cell, in a few words. */
  play(stage: Stage, kind: CallKind): Promise<string>;
}

const RIGHT = 'answered';

function answers(ended: Ended | undefined, text: string): string {
  assert.deepEqual(ended, { kind: 'answer', text });
  return RIGHT;
}

function fails(ended: Ended | undefined, codes: readonly string[], message: RegExp): string {
  assert.equal(ended?.kind, 'error', JSON.stringify(ended));
  if (ended?.kind !== 'error') return '';
  assert.ok(codes.includes(ended.code), JSON.stringify(ended));
  assert.match(ended.message, message);
  return ended.code;
}

const coldLoad: Scene = {
  name: 'cold load',
  async play(stage, kind) {
    await stage.unloaded('plain');
    return answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
  },
};

const eviction: Scene = {
  name: 'eviction under way',
  async play(stage, kind) {
    const evicted = (): number => stage.crowd.reduce((sum, key) => sum + eventsOf(stage.node, 'model-evicted', key).length, 0);
    const before = evicted();
    const twice = [...stage.crowd, ...stage.crowd];
    const ended = await Promise.all(twice.map((model) => stage.call(kind, { model })));
    for (const [at, key] of twice.entries()) answers(ended[at], stage.answerOf(key));
    await eventually('something had to go', 5000, () => (evicted() > before ? true : undefined));
    return RIGHT;
  },
};

const unloadDuringCall: Scene = {
  name: 'unload during the call',
  async play(stage, kind) {
    answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
    const open = () => [kind.open(stage.node, { model: 'plain' })];
    const [ended] = await stage.during(open, kind.streams, () => stage.unload('plain'));
    const outcome = answers(ended, stage.answerOf('plain'));
    await stage.unloaded('plain');
    return outcome;
  },
};

const modelLost: Scene = {
  name: 'runtime lost the model',
  async play(stage, kind) {
    answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
    const before = eventsOf(stage.node, 'copy-lost', 'plain').length;
    await stage.loseInRuntime('plain');
    const outcome = answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
    await eventually('the loss was noticed', 5000, () =>
      eventsOf(stage.node, 'copy-lost', 'plain').length === before + 1 ? true : undefined,
    );
    return outcome;
  },
};

const versions: Scene = {
  name: 'version addressed',
  async play(stage, kind) {
    for (const version of ['1', '2', '1'])
      answers(await stage.call(kind, { model: 'family', version }), stage.answerOf(`family@${version}`));
    answers(await stage.call(kind, { model: 'family' }), stage.answerOf('family@2'));
    fails(await stage.call(kind, { model: 'family', version: '3' }), ['NOT_FOUND', '404'], /not found/);
    return `${RIGHT}; version 3 not found`;
  },
};

const endpointSwitch: Scene = {
  name: 'endpoint switched',
  async play(stage, kind) {
    await stage.point('family@1');
    const both = ['family@1', 'family@2'].map((key) => stage.answerOf(key));
    const switching = stage.point('family@2');
    const meanwhile = await Promise.all(Array.from({ length: 8 }, () => stage.call(kind, { model: 'switched' })));
    await switching;
    for (const ended of meanwhile) {
      assert.equal(ended.kind, 'answer', JSON.stringify(ended));
      assert.ok(ended.kind === 'answer' && both.includes(ended.text), JSON.stringify(ended));
    }
    return answers(await stage.call(kind, { model: 'switched' }), stage.answerOf('family@2'));
  },
};

const compressed: Scene = {
  name: 'gzip request',
  async play(stage, kind) {
    return answers(await stage.call(kind, { model: 'plain', gzip: true }), stage.answerOf('plain'));
  },
};

const deadline: Scene = {
  name: 'deadline',
  async play(stage, kind) {
    answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
    // Streams are frozen too, or they would end in time; what is awaited in the middle is the end itself.
    const open = (): readonly OpenCall[] => {
      const ended = kind.open(stage.node, { model: 'plain', timeoutMs: 300 }).finish();
      return [{ middle: ended, finish: () => ended }];
    };
    const [ended] = await stage.during(open, false, async () => {});
    const outcome = fails(ended, ['DEADLINE_EXCEEDED', '504'], /deadline/);
    answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
    return outcome;
  },
};

const runtimeRestart: Scene = {
  name: 'runtime killed',
  async play(stage, kind) {
    answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
    const open = () => [kind.open(stage.node, { model: 'plain' })];
    const [ended] = await stage.during(open, kind.streams, async (pid) => {
      process.kill(pid, 'SIGKILL');
    });
    // What has begun to answer cannot be repeated, and says so; the rest is answered by the next life.
    const outcome = kind.streams
      ? fails(ended, ['UNAVAILABLE', 'event'], /lost during the call .*not repeated: /)
      : answers(ended, stage.answerOf('plain'));
    answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
    assert.deepEqual(await copyStates(stage.node, 'plain'), ['LOADED']);
    return outcome;
  },
};

/** All but {@link drain}: a node drains once, so that all ways of calling go through it together. */
export const SCENES: readonly Scene[] = [
  coldLoad,
  eviction,
  unloadDuringCall,
  modelLost,
  versions,
  endpointSwitch,
  compressed,
  deadline,
  runtimeRestart,
];

/** The node is told to end while a call of every kind is under way: each is answered. Returns what came of each kind. */
export async function drain(stage: Stage, kinds: readonly CallKind[]): Promise<readonly string[]> {
  for (const kind of kinds) answers(await stage.call(kind, { model: 'plain' }), stage.answerOf('plain'));
  const openAll = (which: readonly CallKind[]) => which.map((kind) => kind.open(stage.node, { model: 'plain' }));
  const [streams, unary] = [kinds.filter((kind) => kind.streams), kinds.filter((kind) => !kind.streams)];
  const streaming = openAll(streams);
  await Promise.all(streaming.map(({ middle }) => middle));
  const ended = await stage.during(
    () => openAll(unary),
    false,
    async () => {
      stage.node.program.process.kill('SIGTERM');
      await stage.node.logged('node-ending');
      await assert.rejects(fetch(`${stage.node.url}/v2/health/live`), 'no new connection is taken');
    },
  );
  const streamed = await Promise.all(streaming.map((call) => call.finish()));
  assert.equal(await stage.node.program.ended, 0);
  const all = new Map([
    ...unary.map((kind, at) => [kind, ended[at]] as const),
    ...streams.map((kind, at) => [kind, streamed[at]] as const),
  ]);
  return kinds.map((kind) => answers(all.get(kind), stage.answerOf('plain')));
}
