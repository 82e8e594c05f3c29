import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '@modelmesh/core';
import { type JsonValue, parseJson } from '@modelmesh/wire/oip';
import { jsonText } from './json-text.ts';

/** A JSON object, numbers exact. */
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** How far an answer may be from that of the training library. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** One example model with a request and the answer that its training library gave. */
export interface Example {
  /** Key of the model. */
  readonly model: string;
  readonly manifestPath: string;
  /** The JSON of a V2 infer request. */
  readonly request: string;
  readonly outputs: readonly JsonObject[];
  readonly tolerance: Tolerance;
}

/** All examples below a folder, in the order of their names. @throws {MeshError} `not-found` */
export function readExamples(folder: string): readonly Example[] {
  const names = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  const examples = names
    .filter((name) => existsSync(join(folder, name, 'model.yaml')) && existsSync(join(folder, name, 'expected.json')))
    .map((name) => readExample(join(folder, name)));
  if (examples.length > 0) return examples;
  throw new MeshError('not-found', `there are no examples in ${folder}; name their folder with --examples`);
}

function readExample(folder: string): Example {
  const recorded = objectOf(parseJson(readFileSync(join(folder, 'expected.json'))), folder);
  const tolerance = objectOf(recorded.get('tolerance'), folder);
  const [first] = listOf(recorded.get('cases'), folder);
  const { request, outputs } = Object.fromEntries(objectOf(first, folder));
  return {
    model: String(recorded.get('model')),
    manifestPath: join(folder, 'model.yaml'),
    request: jsonText(request ?? null),
    outputs: outputsOf(outputs, folder),
    tolerance: { absolute: Number(tolerance.get('absolute')), relative: Number(tolerance.get('relative')) },
  };
}

/** The output tensors of an answer. @throws {MeshError} `internal` for anything else; `where` names it */
export const outputsOf = (outputs: JsonValue | undefined, where: string): readonly JsonObject[] =>
  listOf(outputs, where).map((output) => objectOf(output, where));

/** An object. @throws {MeshError} `internal` */
export function objectOf(value: JsonValue | undefined, where: string): JsonObject {
  if (value instanceof Map) return value;
  throw new MeshError('internal', `${where}: expected an object`);
}

function listOf(value: JsonValue | undefined, where: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  throw new MeshError('internal', `${where}: expected a list`);
}
