import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import { silentLog } from '../../log/index.ts';
import { checkStaticModels, readStaticModels, registerStaticModels } from '../index.ts';
import { ControlRig } from '../testing/index.ts';

const listOf = (...models: readonly object[]): string => JSON.stringify(models);
const model = (modelId: string, more: object = {}) => ({
  modelId,
  modelInfo: { type: 'onnx', path: modelId, key: '{}' },
  ...more,
});

const register = (rig: ControlRig, ...models: readonly object[]): Promise<void> =>
  registerStaticModels(readStaticModels({ inline: listOf(...models), file: null }).models, {
    control: rig.running.control,
    clock: rig.clock,
    log: silentLog,
  });

describe('§4.16 static registration', () => {
  it('registers models and vmodels, and the same again on the next start', async () => {
    const rig = await ControlRig.ready();
    const list = [model('a'), model('b', { vModelId: 'v' }), model('c', { vModelId: 'w', retainAfterTransition: true })];
    await register(rig, ...list);
    await register(rig, ...list);
    const { control } = rig.running;
    assert.equal(control.model('a')?.record.path, 'a');
    assert.deepEqual([control.endpoint('v')?.record.active, control.model('b')?.record.autoDelete], ['b', true]);
    assert.deepEqual([control.endpoint('w')?.record.active, control.model('c')?.record.autoDelete], ['c', false]);
    assert.deepEqual([control.model('b')?.record.refs, rig.runtime.loads.length, rig.runtime.loaded.size], [1, 0, 0]);
    await rig.close();
  });

  it('lets a vmodel go on to the model of a new list', async () => {
    const rig = await ControlRig.ready();
    await register(rig, model('a', { vModelId: 'v', ensureLoaded: true }));
    await register(rig, model('b', { vModelId: 'v', ensureLoaded: true }));
    await rig.settle();
    assert.equal(rig.running.control.endpoint('v')?.record.active, 'b');
    assert.equal(rig.running.control.model('a'), null, 'deleted with its last reference');
    await rig.close();
  });

  it('waits for models with ensureLoaded, a runtime that starts later included, and for no others', async () => {
    const rig = await ControlRig.start();
    const registered = register(
      rig,
      model('a', { ensureLoaded: true }),
      model('b'),
      model('c', { vModelId: 'v', ensureLoaded: true }),
    );
    await rig.settle();
    assert.equal(await Promise.race([registered.then(() => 'done'), 'waiting']), 'waiting');
    rig.runtime.comesUp();
    await registered;
    assert.deepEqual([...rig.runtime.loaded].toSorted(), ['a', 'c']);
    await rig.close();
  });

  it('ends the start when one of them cannot be loaded, with the model and the reason', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.holds = true;
    const registered = register(rig, model('a', { ensureLoaded: true })).then(
      () => undefined,
      (error: unknown) => error,
    );
    await rig.settle();
    rig.runtime.loadOf('a').fails(new MeshError('load-failed', 'no such file'));
    const error = await registered;
    assert.ok(error instanceof MeshError && error.kind === 'failed-precondition');
    assert.equal(error.message, 'the configured model a could not be loaded (ensureLoaded): no such file');
    await rig.close();
  });

  it('ends the start when the id names another model already', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a', 'elsewhere');
    await assert.rejects(register(rig, model('a')), /the configured model a could not be registered: .*already exists/);
    await rig.close();
  });
});

describe('the configuration of static registration', () => {
  it('takes the file first, then what stands in the variable, and warns of fields that nobody knows', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-static-'));
    const file = join(folder, 'models.json');
    writeFileSync(file, listOf(model('a', { ensureloaded: true })));
    const { models, warnings } = readStaticModels({ file, inline: listOf(model('b')) });
    assert.deepEqual(
      models.map(({ modelId }) => modelId),
      ['a', 'b'],
    );
    assert.match(warnings.join(), /models\.json: \[0\]\.ensureloaded: .*did you mean ensureLoaded/);
    rmSync(folder, { recursive: true });
  });

  it('is checked whole before the node starts', () => {
    const check = (inline: string | null, file: string | null) => checkStaticModels({ staticModels: { inline, file } });
    assert.deepEqual(check(null, null), []);
    assert.deepEqual(check(listOf(model('a')), null), []);
    const [missing] = check(null, '/nowhere/models.json');
    assert.match(missing?.expected ?? '', /a file that can be read: \/nowhere\/models\.json cannot: ENOENT/);
    const problems = check(listOf({ modelId: 'a' }, { modelId: '', modelInfo: { type: 'onnx' } }), null);
    assert.deepEqual(
      problems.map(({ name, fault, from }) => [name, fault, from]),
      [
        ['staticModels.inline', 'invalid', 'staticModels.inline'],
        ['staticModels.inline', 'invalid', 'staticModels.inline'],
      ],
    );
    assert.match(problems[0]?.expected ?? '', /\[0\]\.modelInfo: missing, expected an object/);
  });
});
