import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadPlugins } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'mesh-plugins-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function moduleOf(source: string): string {
  files += 1;
  const path = join(folder, `${files}.mjs`);
  writeFileSync(path, source);
  return path;
}

const strategy = (name: string, form = 'pick'): string =>
  `{ plugin: 'strategy', form: '${form}', name: '${name}', ${form}: () => undefined }`;

describe('plug-ins', () => {
  it('are what modules export by default, one or a list', async () => {
    const one = moduleOf(`export default ${strategy('one')};`);
    const list = moduleOf(
      `export default [${strategy('two', 'weights')}, { plugin: 'comparer', name: 'c', compare: () => undefined }];`,
    );
    const { strategies, comparers } = await loadPlugins([one, list]);
    assert.deepEqual(
      strategies.map(({ name, form, module }) => [name, form, module]),
      [
        ['one', 'pick', `file://${one}`],
        ['two', 'weights', `file://${list}`],
      ],
    );
    assert.deepEqual([...comparers.keys()], ['c']);
    assert.deepEqual(await loadPlugins([]), { strategies: [], comparers: new Map() });
  });

  it('that are wrong are refused with the module and what is wrong', async () => {
    for (const [source, why] of [
      ['export const x = 1;', /exports nothing by default/],
      ['export default 5;', /is no plug-in/],
      ["export default { plugin: 'other', name: 'x' };", /is no plug-in/],
      ["export default { plugin: 'strategy', form: 'pick', name: 'x' };", /was not made by its define function/],
      [`export default ${strategy('thompson')};`, /strategy thompson is one of the mesh's own/],
      [`export default ${strategy('a b')};`, /the name of a plug-in .* not "a b"/],
      [`export default [${strategy('x')}, ${strategy('x')}];`, /strategy x is in .* too/],
      ['export default {', /cannot be loaded/],
      ["throw new Error('no licence');", /cannot be loaded: no licence/],
    ] as const) {
      const module = moduleOf(source);
      await assert.rejects(loadPlugins([module]), ({ kind, message }) => {
        assert.equal(kind, 'invalid-argument');
        assert.ok(String(message).startsWith(`plug-in ${module}: `), message);
        assert.match(message, why);
        return true;
      });
    }
    await assert.rejects(loadPlugins(['./no-such-file.ts']), /plug-in \.\/no-such-file\.ts: it cannot be loaded/);
    await assert.rejects(loadPlugins(['no-such-package']), /plug-in no-such-package: it cannot be loaded/);
  });
});
