import { posix } from 'node:path';
import type { Problem, Rule } from '../rule.ts';
import { type Import, importsOf, type Repository, resolved, type SourceFile } from '../source/index.ts';

const PACKAGE = /^@modelmesh\/([^/]+)(?:\/(.+))?$/;

export const onlyThroughDoors: Rule = {
  name: 'a folder with an index.ts is entered through it alone, another package by its name or by its name and a room',
  check: (repository) =>
    repository.code.flatMap((file) =>
      importsOf(file).flatMap((one): readonly Problem[] => {
        const message = one.specifier.startsWith('.') ? pastADoor(repository, file, one) : noSuchDoor(repository, file, one);
        return message === undefined ? [] : [{ path: file.path, line: one.line, message }];
      }),
    ),
};

/** A folder `testing` or `contract` is a second door of its room, for suites only. */
function pastADoor(repository: Repository, file: SourceFile, one: Import): string | undefined {
  const target = resolved(file, one.specifier);
  if (target === undefined) return undefined;
  if (file.isTest && /\/(testing|contract)\/index\.ts$/.test(target)) return undefined;
  for (const folder of foldersAround(target)) {
    const door = `${folder}/index.ts`;
    const inside = file.path.startsWith(`${folder}/`);
    if (!inside && target !== door && repository.files.has(door)) return `${one.specifier} goes past the door ${door}`;
    if (!inside && target === door) return undefined;
  }
  return undefined;
}

/** The folders of a path from the outermost below `src` inwards. */
function foldersAround(path: string): readonly string[] {
  const parts = posix.dirname(path).split('/');
  const first = parts[0] === 'packages' ? 3 : 1;
  return parts.slice(first).map((_, index) => parts.slice(0, first + index + 1).join('/'));
}

function noSuchDoor(repository: Repository, file: SourceFile, one: Import): string | undefined {
  const match = PACKAGE.exec(one.specifier);
  if (match === null) return undefined;
  const [, name, room] = match;
  if (name === file.package) return `${one.specifier} is the own package: import the file`;
  if (room === undefined) return undefined;
  const testing = room === 'testing' || room.endsWith('/testing');
  if (testing && !file.isTest && file.package !== 'lab') return `${one.specifier} is for suites only`;
  if (!testing && room.includes('/')) return `${one.specifier} goes past the door @modelmesh/${name}/${room.split('/')[0]}`;
  if (repository.files.has(`packages/${name}/src/${room}/index.ts`)) return undefined;
  return `${one.specifier} has no door packages/${name}/src/${room}/index.ts`;
}
