/** The `import` and `export … from` statements of a file. */
import { posix } from 'node:path';
import type { SourceFile } from './repository.ts';
import { afterBracket, type Token } from './scan.ts';

/** One name that passes through a statement: `source` over there, `name` here. */
export interface PassedName {
  readonly source: string;
  readonly name: string;
}

/** One statement that names another module. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `type` leaves nothing at run time; `{ type A }` alone still loads the module and counts as `value`. */
  readonly kind: 'value' | 'type' | 'dynamic';
  readonly statement: 'import' | 'export';
  readonly names: readonly PassedName[];
  /** `export * from`. */
  readonly star: boolean;
}

/** Files do not change while the rules read them; several rules ask for the same imports. */
const known = new WeakMap<SourceFile, readonly Import[]>();

/** Every import, re-export and `import('…')` with a literal, in the order of the text. */
export function importsOf(file: SourceFile): readonly Import[] {
  const before = known.get(file);
  if (before !== undefined) return before;
  const { tokens } = file.scan;
  const found: Import[] = [];
  tokens.forEach((token, at) => {
    if (token.kind !== 'word' || tokens[at - 1]?.text === '.') return;
    const one = token.text === 'import' ? importAt(tokens, at) : token.text === 'export' ? exportAt(tokens, at) : undefined;
    if (one !== undefined) found.push(one);
  });
  known.set(file, found);
  return found;
}

/** The repository path of a relative specifier, else `undefined`. */
export const resolved = (file: SourceFile, specifier: string): string | undefined =>
  specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : undefined;

function importAt(tokens: readonly Token[], at: number): Import | undefined {
  const next = tokens[at + 1];
  if (next === undefined || next.text === '.' || next.text === ':') return undefined;
  const line = tokens[at]?.line ?? 0;
  if (next.kind === 'punct' && next.text === '(') {
    const argument = tokens[at + 2];
    if (argument?.kind !== 'string') return undefined;
    return { specifier: argument.text, line, kind: 'dynamic', statement: 'import', names: [], star: false };
  }
  const end = tokens.findIndex((token, index) => index > at && token.kind === 'string');
  const specifier = tokens[end];
  if (specifier === undefined) return undefined;
  const kind = next.text === 'type' && tokens[at + 2]?.text !== 'from' ? 'type' : 'value';
  return {
    specifier: specifier.text,
    line,
    kind,
    statement: 'import',
    names: passedNames(tokens.slice(at + 1, end)),
    star: false,
  };
}

function exportAt(tokens: readonly Token[], at: number): Import | undefined {
  const typed = tokens[at + 1]?.text === 'type';
  const open = at + (typed ? 2 : 1);
  const star = tokens[open]?.text === '*';
  if (!star && tokens[open]?.text !== '{') return undefined;
  const from = star ? tokens.findIndex((token, index) => index > open && token.text === 'from') : afterBracket(tokens, open);
  const specifier = tokens[from + 1];
  if (tokens[from]?.text !== 'from' || specifier?.kind !== 'string') return undefined;
  const names = star ? [] : passedNames(tokens.slice(open, from));
  const line = tokens[at]?.line ?? 0;
  return {
    specifier: specifier.text,
    line,
    kind: typed ? 'type' : 'value',
    statement: 'export',
    names,
    star: star && from === open + 1,
  };
}

/** Reads `{ a, type b as c }`. */
export function passedNames(tokens: readonly Token[]): readonly PassedName[] {
  const open = tokens.findIndex((token) => token.text === '{');
  if (open < 0) return [];
  const names: PassedName[] = [];
  let words: string[] = [];
  for (const token of tokens.slice(open + 1)) {
    if (token.kind === 'word' || token.kind === 'string') words.push(token.text);
    else if (token.text === ',' || token.text === '}') {
      if (words.length > 1 && words[0] === 'type' && words[1] !== 'as') words = words.slice(1);
      const [source] = words;
      if (source !== undefined) names.push({ source, name: words.at(-1) ?? source });
      words = [];
    }
  }
  return names;
}
