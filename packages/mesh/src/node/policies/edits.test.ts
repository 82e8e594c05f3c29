import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, MeshError } from '@modelmesh/core';
import type { ApplyOptions } from '../control.ts';
import { MeshRig } from '../testing/index.ts';

const manifest = (weights: Readonly<Record<string, number>>, more: object = {}) => ({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Endpoint',
  metadata: { name: 'e' },
  spec: { variants: Object.entries(weights).map(([name, weight]) => ({ name, model: name, weight })), default: 'a', ...more },
});
const signal = () => new AbortController().signal;
const rigWith = async (...models: readonly string[]): Promise<MeshRig> => {
  const rig = await MeshRig.of(['n1']);
  await rig.register(...models);
  return rig;
};
const isError = (kind: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MeshError, String(error));
  assert.equal(error.kind, kind);
  assert.match(error.message, pattern);
  return true;
};

describe('an edit of an endpoint', () => {
  it('that is only tried says what would change for which share, and changes nothing', async () => {
    const rig = await rigWith('a', 'b', 'c');
    const { control } = rig.node('n1').running;
    const apply = (spec: object, options: ApplyOptions = {}) => control.apply(spec, signal(), options);
    await apply(manifest({ a: 60, b: 40 }));
    const fallback = { on: ['error'], to: 'a' };
    const tried = await apply(manifest({ a: 50, b: 20, c: 30 }, { fallback }), { dryRun: true, waitMs: durationMs(10_000) });
    assert.deepEqual([tried.change, tried.edit?.revision, tried.edit?.acknowledgement], ['configured', 2, null]);
    assert.deepEqual(tried.edit?.changes, {
      variants: [
        { name: 'a', before: { model: 'a', weight: 60, percent: 60 }, after: { model: 'a', weight: 50, percent: 50 } },
        { name: 'b', before: { model: 'b', weight: 40, percent: 40 }, after: { model: 'b', weight: 20, percent: 20 } },
        { name: 'c', before: null, after: { model: 'c', weight: 30, percent: 30 } },
      ],
      moved: [
        { from: 'a', to: 'c', percent: 10 },
        { from: 'b', to: 'c', percent: 20 },
      ],
      movedPercent: 30,
      rules: { added: [], removed: [], changed: [] },
      fields: ['fallback'],
      referenced: ['c'],
      unreferenced: [],
    });
    assert.deepEqual([control.endpoint('e')?.record.policyRevision, rig.node('n1').record('c')?.refs], [1, 0]);
    await assert.rejects(apply(manifest({ a: 1, none: 1 }), { dryRun: true }), isError('model-not-found', /none/));
    await rig.close();
  });

  it('of two from one revision one wins, and the other is told; without a revision the later one wins', async () => {
    const rig = await MeshRig.of(['n1', 'n2']);
    await rig.register('a', 'b');
    const [one, two] = [rig.node('n1').running.control, rig.node('n2').running.control];
    await one.apply(manifest({ a: 1 }), signal(), { expectedRevision: 0 });
    await rig.settle();
    const edits = await Promise.allSettled([
      one.apply(manifest({ a: 1, b: 1 }), signal(), { expectedRevision: 1 }),
      two.apply(manifest({ a: 1, b: 9 }), signal(), { expectedRevision: 1 }),
    ]);
    const refused = edits.flatMap((edit) => (edit.status === 'rejected' ? [edit.reason] : []));
    assert.equal(refused.length, 1);
    isError('failed-precondition', /is at revision 2, this edit was made from revision 1/)(refused[0]);
    await rig.settle();
    const both = await Promise.all([
      one.apply(manifest({ a: 2, b: 1 }), signal()),
      two.apply(manifest({ a: 3, b: 1 }), signal()),
    ]);
    assert.deepEqual(both.map(({ edit }) => edit?.revision).toSorted(), [3, 4]);
    await rig.close();
  });

  it('is kept, and taken back with the shares that were, moving as few units as that takes', async () => {
    const rig = await rigWith('a', 'b', 'c');
    const { control } = rig.node('n1').running;
    for (const weights of [{ a: 100 }, { a: 50, b: 50 }, { a: 20, b: 30, c: 50 }])
      await control.apply(manifest(weights), signal());
    const undone = await control.undo('e', null, {}, signal());
    assert.equal(undone.edit?.revision, 4);
    assert.deepEqual(undone.edit?.changes.moved, [
      { from: 'c', to: 'a', percent: 30 },
      { from: 'c', to: 'b', percent: 20 },
    ]);
    const kept = await control.policyHistory('e');
    assert.deepEqual(
      kept.map(({ record }) => record.policy.variants.map(({ name, weight }) => `${name} ${weight}`).join()),
      ['a 50,b 50', 'a 20,b 30,c 50', 'a 50,b 50', 'a 100'],
    );
    assert.deepEqual(
      kept.map(({ changes }) => changes?.movedPercent),
      [50, 50, 50, 0],
    );
    const tried = await control.undo('e', 1, { dryRun: true }, signal());
    assert.deepEqual([tried.edit?.revision, control.endpoint('e')?.record.policyRevision], [5, 4]);
    await control.undo('e', 1, {}, signal());
    assert.deepEqual(rig.node('n1').record('c')?.refs, 0);
    await assert.rejects(control.undo('e', 9, {}, signal()), isError('not-found', /no revision 9: kept are 1 to 5/));
    await assert.rejects(control.undo('none', null, {}, signal()), isError('endpoint-not-found', /none/));
    await assert.rejects(control.undo('e', 2, { expectedRevision: 3 }, signal()), isError('failed-precondition', /revision 5/));
    await rig.close();
  });

  it('that is longer than a policy may be is refused, and nothing of it is written', async () => {
    const rig = await rigWith('a', 'b');
    const { control } = rig.node('n1').running;
    await control.apply(manifest({ a: 1 }), signal());
    const rules = Array.from({ length: 100 }, (_, at) => ({ name: `r${at}`, when: `path == "${'x'.repeat(3000)}"`, to: 'b' }));
    const wide = control.apply(manifest({ a: 1, b: 1 }, { rules }), signal());
    await assert.rejects(wide, isError('too-large', /262144|256 KiB/));
    assert.deepEqual([control.endpoint('e')?.record.policyRevision, rig.node('n1').record('b')?.refs], [1, 0]);
    await rig.close();
  });
});

describe('a variant whose model cannot be loaded', () => {
  it('is told of with who has its share, stands in the endpoint, and is told of when it is back', async () => {
    const rig = await rigWith('a', 'b', 'c');
    const { control } = rig.node('n1').running;
    const told: string[] = [];
    control.subscribe(null, ({ kind, message }) => {
      if (kind.startsWith('variant-')) told.push(`${kind}: ${message}`);
    });
    await control.apply(manifest({ a: 50, b: 30, c: 20 }), signal());
    const { runtime } = rig.node('n1');
    runtime.holds = true;
    const status = rig.node('n1').ensure('b');
    await rig.settle();
    runtime.loadOf('b').fails(new MeshError('load-failed', 'its file is broken'));
    await rig.after(3000);
    assert.equal((await status).status, 'LOADING_FAILED');
    await rig.after(3000);
    assert.equal(told.length, 1, told.join('\n'));
    assert.match(
      told[0] ?? '',
      /^variant-not-loaded: endpoint e: variant b cannot be loaded, 30 % of the calls go to a, c: .*its file is broken/,
    );
    assert.match(control.endpoint('e')?.failing.get('b') ?? '', /its file is broken/);
    await control.apply(manifest({ a: 50, c: 20 }), signal());
    await rig.after(3000);
    assert.deepEqual(
      told.slice(1).map((line) => line.slice(0, 30)),
      ['variant-back: endpoint e: vari'],
    );
    assert.deepEqual([...(control.endpoint('e')?.failing ?? [])], []);
    await rig.close();
  });
});
