import type { PayloadField, PayloadType, PolicyRule, RuleTarget } from '../../records/index.ts';
import type { FieldReader, TextRule } from '../field-reader.ts';
import { fieldPath } from '../problem.ts';
import { POLICY_NAME, refuseDuplicates, type VariantNames } from './names.ts';
import { isSplit, SPLIT_EXPECTED, VARIANTS_MAX } from './variants.ts';

/** Most rules of an endpoint. */
export const RULES_MAX = 128;

/** Most payload fields that the rules of an endpoint may read. */
export const PAYLOAD_FIELDS_MAX = 16;

/** Deepest place of a payload field, as field numbers from the message down. */
export const PAYLOAD_DEPTH_MAX = 8;

/** The largest field number of a protobuf message. */
const FIELD_NUMBER_MAX = 2 ** 29 - 1;

const PAYLOAD_TYPES: readonly PayloadType[] = ['string', 'int', 'double', 'bool'];

const IDENTIFIER: TextRule = {
  test: (text) => /^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(text),
  expected: 'a name of at most 63 letters, digits and underscores that does not begin with a digit',
};

/**
 * Reads the rules of an endpoint. Whether their expressions are of the right types is for those who compile them: here they are texts.
 */
export function readRules(spec: FieldReader, names: VariantNames): readonly PolicyRule[] {
  const readers = spec.objects('rules', RULES_MAX);
  const ruleNames = readers.map((reader) => reader.requiredText('name', POLICY_NAME));
  refuseDuplicates(readers, ruleNames, 'rule');
  return readers.flatMap((reader, at) => readRule(reader, ruleNames[at], names) ?? []);
}

function readRule(reader: FieldReader, name: string | undefined, names: VariantNames): PolicyRule | undefined {
  const when = reader.requiredText('when');
  const to = readTarget(reader, names);
  reader.close();
  return name === undefined || when === undefined || to === undefined ? undefined : { name, when, to };
}

/** `to` or `split`. The shares of a split stand in the order of the variants, however the manifest wrote them. */
function readTarget(reader: FieldReader, names: VariantNames): RuleTarget | undefined {
  const variant = names.read(reader, 'to');
  const split = reader.amounts('split', VARIANTS_MAX);
  if (reader.has('to') && reader.has('split')) reader.problem('split', 'nothing beside to: give one of the two');
  if (!reader.has('to') && !reader.has('split')) reader.problem('to', 'the name of a variant, or split in place of it');
  if (!reader.has('split')) return variant === undefined ? undefined : { kind: 'variant', variant };
  for (const [share, weight] of split) {
    const problem = names.problemOf(share);
    if (problem !== undefined) reader.problemAt(fieldPath(reader.at('split'), share), weight, problem);
  }
  if (!isSplit([...split.values()])) reader.problem('split', SPLIT_EXPECTED);
  const shares = [...split].map(([share, weight]) => ({ variant: share, weight }));
  return { kind: 'split', shares: shares.toSorted((a, b) => names.orderOf(a.variant) - names.orderOf(b.variant)) };
}

/** Reads the declarations of payload fields. */
export function readPayload(spec: FieldReader): readonly PayloadField[] {
  const readers = spec.objects('payload', PAYLOAD_FIELDS_MAX);
  const fieldNames = readers.map((reader) => reader.requiredText('name', IDENTIFIER));
  refuseDuplicates(readers, fieldNames, 'payload field');
  return readers.flatMap((reader, at) => readPayloadField(reader, fieldNames[at]) ?? []);
}

function readPayloadField(reader: FieldReader, name: string | undefined): PayloadField | undefined {
  const type = reader.oneOf('type', PAYLOAD_TYPES);
  if (!reader.has('type')) reader.problem('type', `one of ${PAYLOAD_TYPES.join(', ')}`);
  const json = reader.text('json') ?? null;
  const parameter = reader.text('parameter') ?? null;
  const proto = readFieldNumbers(reader);
  if (!reader.has('json') && !reader.has('parameter') && !reader.has('proto')) {
    reader.problem('json', 'a path in JSON bodies, or parameter, or proto: at least one place where the field is found');
  }
  reader.close();
  return name === undefined || type === undefined ? undefined : { name, type, json, parameter, proto };
}

function readFieldNumbers(reader: FieldReader): readonly number[] | null {
  const items = reader.list('proto', PAYLOAD_DEPTH_MAX);
  for (const { value, path } of items) {
    if (isFieldNumber(value)) continue;
    reader.problemAt(path, value, `a field number from 1 to ${FIELD_NUMBER_MAX}`);
  }
  if (reader.has('proto') && reader.isEmptyList('proto')) reader.problem('proto', 'field numbers from the message down');
  const numbers = items.map(({ value }) => value).filter(isFieldNumber);
  return numbers.length === 0 ? null : numbers;
}

const isFieldNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= FIELD_NUMBER_MAX;
