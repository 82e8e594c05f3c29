import { idProblem } from '../../identity/index.ts';
import { newVariant, type Variant } from '../../records/index.ts';
import { modelKey } from '../../units.ts';
import type { FieldReader, TextRule } from '../field-reader.ts';
import { fieldPath } from '../problem.ts';
import { POLICY_NAME, refuseDuplicates, VariantNames } from './names.ts';

/** Most variants of an endpoint. */
export const VARIANTS_MAX = 64;

/** Most further names of one variant. */
export const VARIANT_LABELS_MAX = 8;

/** Highest limit of calls at a time that one can set. */
export const VARIANT_CONCURRENCY_MAX = 1_000_000;

/** Weight of a variant that names none. */
const DEFAULT_WEIGHT = 100;

const MODEL: TextRule = { test: (text) => idProblem(text) === undefined, expected: 'the key of a model, for instance fraud@3' };

/** The variants that could be read, and the names of all that have one. */
export interface ReadVariants {
  readonly variants: readonly Variant[];
  readonly names: VariantNames;
}

/** Reads the variants of an endpoint and checks each against the others. */
export function readVariants(spec: FieldReader): ReadVariants {
  const readers = spec.objects('variants', VARIANTS_MAX);
  if (readers.length === 0 && spec.isEmptyList('variants')) {
    spec.problem('variants', 'a list of variants, each with a name and a model');
  }
  const names = readers.map((reader) => reader.requiredText('name', POLICY_NAME));
  const read = readers.map((reader, at) => readVariant(reader, names[at]));
  refuseDuplicates(readers, names, 'variant');
  refuseLabelClashes(
    readers,
    names,
    read.map(({ labels }) => labels),
  );
  const weights = read.map(({ weight }) => weight);
  if (weights.length > 0 && !isSplit(weights)) spec.problem('variants', SPLIT_EXPECTED);
  const variants = read.flatMap(({ variant }) => variant ?? []);
  return { variants, names: new VariantNames(names.filter((name) => name !== undefined)) };
}

/** What weights must be that are to share calls out. */
export const SPLIT_EXPECTED = 'at least one weight above zero, and weights whose sum is a finite number';

/** Whether calls can be shared out by these weights. */
export function isSplit(weights: readonly number[]): boolean {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return sum > 0 && Number.isFinite(sum);
}

interface ReadVariant {
  readonly variant: Variant | undefined;
  readonly weight: number;
  readonly labels: readonly string[];
}

function readVariant(reader: FieldReader, name: string | undefined): ReadVariant {
  const model = reader.requiredText('model', MODEL);
  const weight = reader.amount('weight') ?? DEFAULT_WEIGHT;
  const labels = readLabels(reader);
  const concurrencyMax = reader.integer('concurrency', { min: 1, max: VARIANT_CONCURRENCY_MAX }) ?? null;
  reader.close();
  if (name === undefined || model === undefined) return { variant: undefined, weight, labels };
  return { variant: newVariant({ name, model: modelKey(model), weight, labels, concurrencyMax }), weight, labels };
}

/** `label` and then `labels`, each once. */
function readLabels(reader: FieldReader): readonly string[] {
  const one = reader.text('label', POLICY_NAME);
  const labels = new Set(one === undefined ? [] : [one]);
  for (const { value, path } of reader.list('labels', VARIANT_LABELS_MAX)) {
    if (typeof value === 'string' && POLICY_NAME.test(value)) labels.add(value);
    else reader.problemAt(path, value, POLICY_NAME.expected);
  }
  if (labels.size > VARIANT_LABELS_MAX) reader.problem('labels', `at most ${VARIANT_LABELS_MAX} labels, label included`);
  return [...labels];
}

/** A label reaches one variant: it is neither another's label nor another's name. */
function refuseLabelClashes(
  readers: readonly FieldReader[],
  names: readonly (string | undefined)[],
  labels: readonly (readonly string[])[],
): void {
  const ownerOf = new Map<string, number>();
  for (const [at, own] of labels.entries()) {
    for (const label of own) {
      const named = names.findIndex((name, other) => other !== at && name === label);
      const other = named >= 0 ? named : ownerOf.get(label);
      if (other === undefined) ownerOf.set(label, at);
      else refuseLabel(readers[at], label, named >= 0 ? 'the name' : 'a label', names[other]);
    }
  }
}

function refuseLabel(reader: FieldReader | undefined, label: string, is: string, owner: string | undefined): void {
  if (reader === undefined) return;
  const path = reader.has('labels') ? fieldPath(reader.path, 'labels') : fieldPath(reader.path, 'label');
  reader.problemAt(path, label, `a label of one variant: it is ${is} of ${owner ?? 'another one'}`);
}
