import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../run-steps.ts';
import { allPages, anchorsOf, blocksOf, linksOf, pagesWithCommands, readPage } from './pages.ts';

describe('the pages', () => {
  it('link to what exists, heading for heading', () => {
    const broken = allPages().flatMap((path) =>
      linksOf(readPage(path)).flatMap((link) => {
        const [target = '', anchor] = link.split('#');
        const at = target === '' ? path : normalize(join(dirname(path), target));
        if (!existsSync(join(ROOT, at))) return [`${path}: ${link}`];
        return anchor === undefined || anchorsOf(readPage(at)).includes(anchor) ? [] : [`${path}: ${link}`];
      }),
    );
    assert.deepEqual(broken, []);
  });

  it('write every guide into the list of guides', () => {
    const linked = linksOf(readPage('docs/guides/README.md'));
    for (const path of pagesWithCommands()) {
      const name = /^docs\/guides\/(.+)$/.exec(path)?.[1];
      if (name !== undefined && name !== 'README.md') assert.ok(linked.includes(name), name);
    }
  });

  it('hold blocks of code in languages that the suite of their commands knows', () => {
    const known = new Set(['sh', 'python', 'json', 'yaml', 'text']);
    for (const path of pagesWithCommands())
      for (const { language, line } of blocksOf(readPage(path)))
        assert.ok(known.has(language), `${path}:${line}: ${JSON.stringify(language)}`);
  });

  it('tell what every citation of a source refers to', () => {
    const explained = readPage('docs/spec/README.md');
    const sources = [...allPages(), ...globSync(['packages/*/src/**/*.ts', 'tools/**/*.ts'], { cwd: ROOT })];
    const unknown = sources.flatMap((path) =>
      [...readPage(path).matchAll(/\bspec `([a-z-]+\.md)`/g)].flatMap(([, name = '']) =>
        explained.includes(`| \`${name}\` |`) ? [] : [`${path}: ${name}`],
      ),
    );
    assert.deepEqual(unknown, []);
  });
});
