import { after, before, describe, it } from 'node:test';
import { leavesAtOnce, within } from '../faults/index.ts';
import { type CallKind, drain, SCENES, STREAM_KINDS, Stage, UNARY_KINDS } from './index.ts';

/** The longest that one cell may take: nothing hangs. */
const CELL_MS = 20_000;

/** What came of each cell. None is left out: every way of calling can meet every situation. */
const outcomes = new Map<string, string>();
const cellName = (scene: string, kind: CallKind): string => `${scene} × ${kind.name}`;

function suite(stageKind: 'onnx' | 'text', kinds: readonly CallKind[]): void {
  describe(`with models of ${stageKind}, every way of calling is answered rightly or by the documented error`, () => {
    let stage: Stage;
    before(async () => {
      stage = await Stage.start(stageKind);
    });
    after(() => stage[Symbol.asyncDispose]());

    for (const scene of SCENES) {
      for (const kind of kinds) {
        const name = cellName(scene.name, kind);
        it(name, async () => {
          outcomes.set(name, 'failed');
          outcomes.set(name, await within(CELL_MS, name, scene.play(stage, kind)));
        });
      }
    }

    it('and no call is left in flight: every copy goes at once', async () => {
      const [kind] = kinds;
      for (const model of ['plain', 'family@1', 'family@2']) {
        if (kind !== undefined) await stage.call(kind, { model });
        await leavesAtOnce(stage.node, model);
      }
    });

    it(`node drain × ${kinds.map(({ name }) => name).join(', ')}`, async () => {
      const ended = await within(CELL_MS, 'the drain', drain(stage, kinds));
      for (const [at, kind] of kinds.entries()) outcomes.set(cellName('node drain', kind), ended[at] ?? 'failed');
    });
  });
}

suite('onnx', UNARY_KINDS);
suite('text', STREAM_KINDS);

after(() => {
  const kinds = [...UNARY_KINDS, ...STREAM_KINDS];
  const scenes = [...SCENES.map(({ name }) => name), 'node drain'];
  const rows = scenes.map((scene) => [scene, ...kinds.map((kind) => outcomes.get(cellName(scene, kind)) ?? 'not played')]);
  const table = [['', ...kinds.map(({ name }) => name)], ...rows];
  process.stdout.write(`${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`);
});
