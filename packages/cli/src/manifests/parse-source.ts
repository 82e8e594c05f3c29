import { MeshError } from '@modelmesh/core';
import { parseManifest, problemText, type Resource } from '@modelmesh/core/manifest';
import { type Document, isMap, LineCounter, parseAllDocuments } from 'yaml';
import { withAbsoluteStorage } from './absolute-storage.ts';
import type { SourceFile } from './source-file.ts';

/** Most manifests in one file. */
export const DOCUMENTS_MAX = 10_000;

/** A manifest that was read and is understood. */
export interface LocalManifest {
  /** File and line where it begins. */
  readonly where: string;
  /** The plain object to send. */
  readonly value: unknown;
  readonly resource: Resource;
}

/** A document of a file, as a plain object. */
export interface PlainDocument {
  /** File and line where it begins. */
  readonly where: string;
  readonly value: unknown;
  /** File and line of a field, for instance `spec.variants[0].name`, or of the nearest thing around it that is there. */
  whereIs(path: string): string;
}

/** Sentences about what is wrong with a document, each with its place. */
interface Wrong {
  readonly problems: readonly string[];
}

/**
 * The manifests of a file. Everything that is wrong with any of them is told at once, each with file and line, so that nothing is applied of
 * a file that is wrong.
 *
 * @throws {MeshError} `invalid-argument`
 */
export const parseSource = (source: SourceFile): readonly LocalManifest[] =>
  documentsOf<LocalManifest>(source, (document) => {
    const value = withAbsoluteStorage(document.value, source.folder);
    const parsed = parseManifest(value);
    if (parsed.ok) return { where: document.where, value, resource: parsed.resource };
    return { problems: parsed.problems.map((problem) => `${document.whereIs(problem.path)}: ${problemText(problem)}`) };
  });

/**
 * What `read` makes of the documents of a file; empty ones are passed over.
 *
 * @throws {MeshError} `invalid-argument` with everything that is wrong with any of them
 */
export function documentsOf<Item extends object>(
  source: SourceFile,
  read: (document: PlainDocument) => Item | Wrong,
): readonly Item[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(source.text, { lineCounter: lines });
  // An empty stream has no documents and no errors list of its own.
  if (!Array.isArray(documents) || documents.length > DOCUMENTS_MAX) {
    if (Array.isArray(documents)) throw new MeshError('invalid-argument', `${source.name}: more than ${DOCUMENTS_MAX} documents`);
    return [];
  }
  const problems: string[] = [];
  const items = documents.flatMap((document) => {
    const plain = plainDocument(source, document, lines);
    if (plain === undefined) return [];
    const item = 'problems' in plain ? plain : read(plain);
    if (!isWrong(item)) return [item];
    problems.push(...item.problems);
    return [];
  });
  if (problems.length > 0) throw new MeshError('invalid-argument', problems.join('\n'));
  return items;
}

const isWrong = (item: object): item is Wrong => 'problems' in item;

function plainDocument(source: SourceFile, document: Document.Parsed, lines: LineCounter): PlainDocument | Wrong | undefined {
  const at = (offset: number): string => `${source.name}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    return { problems: document.errors.map(({ pos, message }) => `${at(pos[0])}: ${message.split('\n')[0]}`) };
  }
  const { contents } = document;
  const value: unknown = contents === null ? null : document.toJS();
  if (contents === null || value === null) return undefined;
  return { where: at(contents.range[0]), value, whereIs: (path) => at(offsetOf(document, path)) };
}

/** Where the field of a problem stands, else the nearest thing around it that is there. */
function offsetOf(document: Document.Parsed, path: string): number {
  const steps = stepsOf(path);
  for (let depth = steps.length; depth > 0; depth -= 1) {
    const parent = depth === 1 ? document.contents : document.getIn(steps.slice(0, depth - 1), true);
    const step = steps[depth - 1];
    if (!isMap(parent)) {
      const item: unknown = document.getIn(steps.slice(0, depth), true);
      if (hasRange(item)) return item.range[0];
      continue;
    }
    const pair = parent.items.find(({ key }) => String(key) === String(step));
    if (hasRange(pair?.key)) return pair.key.range[0];
  }
  return document.contents?.range[0] ?? 0;
}

const hasRange = (node: unknown): node is { readonly range: readonly [number, number, number] } =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);

/** `spec.variants[0]["odd name"]` as its steps. */
const stepsOf = (path: string): readonly (string | number)[] =>
  [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(([, index, quoted, word]) =>
    index === undefined ? (word ?? String(JSON.parse(`"${quoted}"`))) : Number(index),
  );
