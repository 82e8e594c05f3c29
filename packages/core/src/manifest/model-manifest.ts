import { FAMILY_PATTERN, VERSION_PATTERN, versionedKey } from '../identity/index.ts';
import { type CopiesPolicy, DEFAULT_COPIES_POLICY, type ModelFormat } from '../records/index.ts';
import { type Bytes, bytes, modelKey } from '../units.ts';
import type { FieldReader, TextRule } from './field-reader.ts';
import { RESOURCE_NAME, readMetadata } from './metadata.ts';
import { parseDuration, parseQuantity } from './quantity.ts';
import type { ModelResource } from './resource.ts';
import { readStorage, STORAGE_URI_EXPECTED } from './storage-source.ts';

/** Most copies that a manifest may ask for. */
export const COPIES_MAX = 1000;
/** Most sessions within one copy. */
export const SESSIONS_MAX = 64;

const VERSION: TextRule = {
  test: (text) => VERSION_PATTERN.test(text),
  expected: 'a version of 1 to 63 letters, digits, dots, dashes or underscores',
};
const FAMILY: TextRule = {
  test: (text) => FAMILY_PATTERN.test(text),
  expected: 'a family of at most 253 letters, digits, dots, dashes and underscores that begins with a letter or digit',
};
/** A format and its version stand in a type string, where `:` and `|` separate. */
const TYPE_WORD: TextRule = {
  test: (text) => /^[^\s:|]{1,63}$/.test(text),
  expected: 'a word of at most 63 characters without : and |',
};
const QUANTITY_EXPECTED = 'an amount of memory above 0 such as 300Mi or 2G';
const DURATION_EXPECTED = 'a duration above 0 such as 30m, 1h30m or 500ms';

/** Reads `format: {name, version}`. */
export function readFormat(reader: FieldReader | undefined): ModelFormat | undefined {
  if (reader === undefined) return undefined;
  const name = reader.requiredText('name', TYPE_WORD);
  const version = reader.text('version', TYPE_WORD);
  reader.close();
  return name === undefined ? undefined : { name, version };
}

/** Reads the name of a serving runtime. */
export const readRuntime = (reader: FieldReader, name: string): string | undefined => reader.text(name, TYPE_WORD);

/** Reads a `Model`; what is wrong is among the findings, and the answer counts only if nothing is. */
export function readModel(root: FieldReader): ModelResource | undefined {
  const metadata = readMetadata(root, RESOURCE_NAME);
  const spec = root.object('spec');
  if (spec === undefined) {
    if (!root.has('spec')) root.problem('spec', 'an object with format and storage');
    return undefined;
  }
  const { family, version } = readFamily(spec);
  const format = readFormat(spec.object('format'));
  const runtime = readRuntime(spec, 'runtime');
  if (!spec.has('format') && !spec.has('runtime')) spec.problem('format', 'a format with a name, or a runtime beside it');
  const storageReader = spec.object('storage');
  if (!spec.has('storage')) spec.problem('storage', `an object whose uri is ${STORAGE_URI_EXPECTED}`);
  const storage = storageReader === undefined ? undefined : readStorage(storageReader);
  const memoryBytes = readMemory(spec.object('resources'));
  const copies = readCopies(spec.object('copies'));
  const retry = spec.oneOf('retry', ['safe', 'never']) ?? 'safe';
  spec.unsupported(['warmup']);
  const instances = spec.integer('instances', { min: 1, max: SESSIONS_MAX });
  spec.close();
  if (metadata === undefined || storage === undefined) return undefined;
  const key = family !== undefined && version !== undefined ? versionedKey(family, version) : modelKey(metadata.name);
  return {
    kind: 'Model',
    metadata,
    key,
    family,
    version,
    format,
    storage,
    runtime,
    memoryBytes,
    copies,
    retry,
    instances,
  };
}

function readFamily(spec: FieldReader): Pick<ModelResource, 'family' | 'version'> {
  const family = spec.text('family', FAMILY);
  const version = spec.text('version', VERSION);
  if (spec.has('family') && !spec.has('version')) spec.problem('version', `${VERSION.expected}, beside a family`);
  if (spec.has('version') && !spec.has('family')) spec.problem('family', `${FAMILY.expected}, beside a version`);
  return { family, version };
}

function readMemory(reader: FieldReader | undefined): Bytes | undefined {
  if (reader === undefined) return undefined;
  const positive = (text: string): Bytes | undefined => {
    const amount = parseQuantity(text);
    return amount === undefined || amount === 0 ? undefined : amount;
  };
  const memory = reader.isNumber('memory')
    ? reader.integer('memory', { min: 1, max: Number.MAX_SAFE_INTEGER })
    : reader.parsed('memory', positive, QUANTITY_EXPECTED);
  reader.close();
  return memory === undefined ? undefined : bytes(memory);
}

function readCopies(reader: FieldReader | undefined): CopiesPolicy {
  if (reader === undefined) return DEFAULT_COPIES_POLICY;
  const min = reader.integer('min', { min: 0, max: COPIES_MAX }) ?? DEFAULT_COPIES_POLICY.min;
  const max = reader.integer('max', { min: 1, max: COPIES_MAX });
  const pin = reader.flag('pin') ?? DEFAULT_COPIES_POLICY.pin;
  const idleAfterMs = reader.parsed('idleAfter', positiveDuration, DURATION_EXPECTED);
  if (max !== undefined && min > max) reader.problem('max', `at least min, which is ${min}`);
  reader.close();
  return { min, max, pin, idleAfterMs };
}

const positiveDuration = (text: string): CopiesPolicy['idleAfterMs'] => {
  const length = parseDuration(text);
  return length === undefined || length === 0 ? undefined : length;
};
