import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../run-steps.ts';
import { blocksOf, readPage } from './pages.ts';

/** What the page says of one package: its rooms, and those that have a place but are not built. */
interface Told {
  readonly isPlanned: boolean;
  readonly rooms: string[];
  readonly planned: string[];
}

/** The tree of the house: packages at the left edge, rooms as words that end with a slash before the sentence about them. */
function houseOf(page: string): ReadonlyMap<string, Told> {
  const text = blocksOf(page).find((block) => block.text.startsWith('core '))?.text ?? '';
  const house = new Map<string, Told>();
  let told: Told | undefined;
  for (const line of text.split('\n')) {
    const name = /^([a-z0-9]+)(°?) /.exec(line);
    if (name !== null) {
      told = { isPlanned: name[2] === '°', rooms: [], planned: [] };
      house.set(name[1] ?? '', told);
      continue;
    }
    const [, names = ''] = /^ {2}((?:[a-z0-9-]+\/°? *)+)/.exec(line) ?? [];
    for (const [, room = '', planned] of names.matchAll(/([a-z0-9-]+)\/(°?)/g))
      (planned === '°' ? told?.planned : told?.rooms)?.push(room);
  }
  return house;
}

const foldersOf = (pattern: string): readonly string[] =>
  globSync(`${pattern}/`, { cwd: ROOT })
    .map((path) => basename(path))
    .toSorted();

describe('ARCHITECTURE.md', () => {
  const house = houseOf(readPage('ARCHITECTURE.md'));

  it('names the packages that exist, and marks those that do not', () => {
    const built = [...house].filter(([, { isPlanned }]) => !isPlanned).map(([name]) => name);
    assert.deepEqual(built.toSorted(), foldersOf('packages/*'));
  });

  for (const [name, { isPlanned, rooms, planned }] of house) {
    if (isPlanned) continue;
    it(`names the rooms of ${name} that exist, and marks those that do not`, () => {
      const existing = foldersOf(`packages/${name}/src/*`);
      assert.deepEqual(rooms.toSorted(), existing);
      assert.deepEqual(
        planned.filter((room) => existing.includes(room)),
        [],
      );
    });
  }
});
