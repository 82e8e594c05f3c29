/** What a module declares and exports, and whether a docstring stands in front of it. */
import { type Import, importsOf, passedNames, resolved } from './imports.ts';
import type { Repository, SourceFile } from './repository.ts';
import { afterBracket, type Token } from './scan.ts';

/** A named declaration at the top level of a module. */
export interface Declaration {
  readonly name: string;
  readonly line: number;
  readonly exported: boolean;
  readonly documented: boolean;
}

/** Where an exported name is declared. */
export interface Exported {
  readonly name: string;
  readonly path: string;
  readonly line: number;
  readonly documented: boolean;
}

const MODIFIERS = new Set(['export', 'declare', 'abstract', 'async', 'default']);
const DECLARERS = new Set(['const', 'let', 'var', 'function', 'class', 'interface', 'type']);

/** The declarations outside of every bracket. */
export function declarationsOf(file: SourceFile): readonly Declaration[] {
  const { tokens } = file.scan;
  const docEnds = new Set(
    file.scan.comments.filter((one) => one.text.startsWith('/**')).map((one) => file.text.slice(one.end).search(/\S/) + one.end),
  );
  const found: Declaration[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if (token.kind === 'punct' && '([{'.includes(token.text)) {
      at = afterBracket(tokens, at) - 1;
      continue;
    }
    const name = DECLARERS.has(token.text) && token.kind === 'word' ? declaredName(tokens, at) : undefined;
    if (name === undefined) continue;
    const first = firstOfStatement(tokens, at);
    const start = tokens[first];
    const exported = tokens.slice(first, at).some((one) => one.text === 'export');
    found.push({ name, line: token.line, exported, documented: start !== undefined && docEnds.has(start.start) });
  }
  return found;
}

function declaredName(tokens: readonly Token[], at: number): string | undefined {
  const next = tokens[at + 1]?.text === '*' ? tokens[at + 2] : tokens[at + 1];
  if (next?.kind !== 'word') return undefined;
  // `type` is a word that may also be a variable: a declaration goes on with `=` or `<`.
  if (tokens[at]?.text === 'type' && !['=', '<'].includes(tokens[at + 2]?.text ?? '')) return undefined;
  return next.text;
}

function firstOfStatement(tokens: readonly Token[], at: number): number {
  let first = at;
  while (first > 0 && MODIFIERS.has(tokens[first - 1]?.text ?? '')) first--;
  return first;
}

/** Every name that leaves a module, followed through re-exports inside the repository; names of foreign modules are left out. */
export function exportsOf(repository: Repository, path: string, visited: ReadonlySet<string> = new Set()): readonly Exported[] {
  const file = repository.files.get(path);
  if (file === undefined || visited.has(path)) return [];
  const inner = new Set([...visited, path]);
  const imports = importsOf(file);
  const own = declarationsOf(file);
  const listed = listedNames(file);
  const found: Exported[] = own
    .filter((one) => one.exported || listed.some((name) => name.source === one.name))
    .map((one) => ({ name: one.name, path, line: one.line, documented: one.documented }));
  for (const one of imports) {
    const target = resolved(file, one.specifier);
    if (target === undefined || !leaves(one, listed)) continue;
    if (one.statement === 'export') found.push(...passed(exportsOf(repository, target, inner), one));
    else found.push(...exportsOf(repository, target, inner).filter((exported) => importedAndListed(exported, one, listed)));
  }
  return merged(found);
}

function passed(from: readonly Exported[], statement: Import): readonly Exported[] {
  return statement.star ? from : from.filter((exported) => statement.names.some((name) => name.source === exported.name));
}

/** Whether a statement can add to the exports: a re-export, or an import that an export list names. */
const leaves = (one: Import, listed: readonly { source: string }[]): boolean =>
  one.statement === 'export' || one.names.some((name) => listed.some((other) => other.source === name.name));

const importedAndListed = (exported: Exported, one: Import, listed: readonly { source: string }[]): boolean =>
  one.names.some((name) => name.source === exported.name && listed.some((other) => other.source === name.name));

/** Overloads and a type beside a value of the same name are one export, documented when one of them is. */
function merged(found: readonly Exported[]): readonly Exported[] {
  const byName = new Map<string, Exported>();
  for (const one of found) {
    const key = `${one.path}#${one.name}`;
    const before = byName.get(key);
    byName.set(key, before === undefined ? one : { ...before, documented: before.documented || one.documented });
  }
  return [...byName.values()];
}

/** Names of `export { a, b }` without `from`. */
function listedNames(file: SourceFile): readonly { source: string; name: string }[] {
  const { tokens } = file.scan;
  return tokens.flatMap((token, at) => {
    const open = at + (tokens[at + 1]?.text === 'type' ? 2 : 1);
    if (token.kind !== 'word' || token.text !== 'export' || tokens[open]?.text !== '{') return [];
    const end = afterBracket(tokens, open);
    return tokens[end]?.text === 'from' ? [] : passedNames(tokens.slice(open, end));
  });
}
