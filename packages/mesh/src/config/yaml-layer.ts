import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { type Layer, LayerDraft } from './layer.ts';
import { nearestName } from './nearest-name.ts';
import { type ConfigProblem, shownValue } from './problem.ts';
import { SETTINGS, type SettingName } from './settings.ts';

/** Aliases of one document that are followed: enough for people, too few for a bomb. */
const ALIASES_MAX = 100;

/** Places that are shown for a field that is in none of them. */
const PLACES_SHOWN_MAX = 5;

const NAME_OF_PATH = new Map<string, SettingName>(
  (Object.keys(SETTINGS) as SettingName[]).map((name) => [SETTINGS[name].path, name]),
);

/** The fields below each section; the document itself is the section `''`. */
const FIELDS = new Map<string, Set<string>>();
for (const path of NAME_OF_PATH.keys()) {
  const parts = path.split('.');
  for (let depth = 0; depth < parts.length; depth++) {
    const section = parts.slice(0, depth).join('.');
    FIELDS.set(section, (FIELDS.get(section) ?? new Set()).add(parts[depth] ?? ''));
  }
}

/** What a YAML file says. Fields that are not known are problems, with the name that was most likely meant. */
export function yamlLayer(file: { readonly path: string; readonly text: string }): Layer {
  const draft = new LayerDraft();
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines });
  const at = (node: Node | null | undefined): string => {
    const offset = node?.range?.[0];
    return offset === undefined ? file.path : `${file.path}:${lines.linePos(offset).line}`;
  };
  for (const error of document.errors) {
    const position = lines.linePos(error.pos[0]);
    const from = `${file.path}:${position.line}:${position.col}`;
    const expected = `valid YAML: ${error.message.split('\n')[0]}`;
    draft.problems.push({ name: 'YAML', value: null, fault: 'invalid', from, expected });
  }
  if (draft.problems.length > 0) return draft;
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return draft;
  if (!isMap(root)) {
    draft.problems.push({ name: 'YAML', value: null, fault: 'invalid', from: file.path, expected: 'an object of settings' });
    return draft;
  }
  readSection(root, '', { draft, at, plain: (node) => node?.toJS(document, { maxAliasCount: ALIASES_MAX }) });
  return draft;
}

interface Reading {
  readonly draft: LayerDraft;
  readonly at: (node: Node | null | undefined) => string;
  readonly plain: (node: Node | null | undefined) => unknown;
}

function readSection(map: YAMLMap, section: string, reading: Reading): void {
  for (const pair of map.items as Pair<Node, Node | null>[]) {
    const field = String(isScalar(pair.key) ? pair.key.value : pair.key);
    const path = section === '' ? field : `${section}.${field}`;
    const name = NAME_OF_PATH.get(path);
    const from = reading.at(pair.key);
    if (name !== undefined) give(name, pair, from, reading);
    else if (!FIELDS.has(path)) reading.draft.problems.push(unknownField(path, section, field, from));
    else if (isMap(pair.value)) readSection(pair.value, path, reading);
    else if (pair.value !== null && reading.plain(pair.value) !== null) {
      const value = shownValue(reading.plain(pair.value));
      reading.draft.problems.push({ name: path, value, from, expected: `an object with ${fieldsOf(path).join(', ')}` });
    }
  }
}

function give(name: SettingName, pair: Pair<Node, Node | null>, from: string, { draft, plain }: Reading): void {
  try {
    draft.give(name, plain(pair.value) ?? null, from);
  } catch {
    const expected = `at most ${ALIASES_MAX} aliases`;
    draft.problems.push({ name: SETTINGS[name].path, value: null, fault: 'invalid', from, expected });
  }
}

const fieldsOf = (section: string): string[] => [...(FIELDS.get(section) ?? [])].sort();

function unknownField(path: string, section: string, field: string, from: string): ConfigProblem {
  const near = nearestName(field, FIELDS.get(section) ?? []);
  const meant = near === undefined ? elsewhere(field) : [near];
  const known = `one of ${fieldsOf(section).join(', ')}`;
  const expected = meant.length === 0 ? known : `another field: did you mean ${meant.join(' or ')}?`;
  return { name: path, value: null, fault: 'unknown', from, expected };
}

/** Paths in other sections whose last field has this name, or one close to it: a field that was put in the wrong place. */
function elsewhere(field: string): string[] {
  const paths = [...NAME_OF_PATH.keys()];
  const near = nearestName(field, new Set(paths.map(lastField)));
  return paths.filter((path) => lastField(path) === near).slice(0, PLACES_SHOWN_MAX);
}

const lastField = (path: string): string => path.slice(path.lastIndexOf('.') + 1);
