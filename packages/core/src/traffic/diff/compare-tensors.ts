import type { ComparePolicy } from '../../records/index.ts';
import { type AnswerMessage, type AnswerTensor, type Elements, lengthOfElements } from './answer.ts';
import { type Comparer, type Comparison, NOTHING_COMPARED } from './comparer.ts';
import { compareScores, sameBytes, scoresOf } from './scores.ts';

/** What the elements of one output say. */
type ElementsDiff = Pick<Comparison, 'elements' | 'differing' | 'largestDifference' | 'because'>;

/**
 * Compares two answers of the Open Inference Protocol output by output: names, datatypes, shapes, then each element within the tolerance, and
 * what scores say of classes. NaN equals NaN and nothing else; an infinity equals itself.
 */
export const tensors: Comparer = {
  name: 'tensors',
  compare(live: AnswerMessage, shadow: AnswerMessage, policy: ComparePolicy): Comparison {
    return compareTensors(live.tensors(), shadow.tensors(), policy);
  },
};

/** As {@link tensors}, of tensors that are there. */
export function compareTensors(
  live: readonly AnswerTensor[],
  shadow: readonly AnswerTensor[],
  policy: ComparePolicy,
): Comparison {
  const others = new Map(shadow.map((tensor) => [tensor.name, tensor]));
  const parts = live.map((tensor) => compareOutput(tensor, others.get(tensor.name), policy.tolerance));
  const names = new Set(live.map(({ name }) => name));
  for (const tensor of shadow) {
    if (names.has(tensor.name)) continue;
    const elements = lengthOfElements(tensor.elements);
    parts.push({ elements, differing: elements, largestDifference: 0, because: `only the shadow has output ${tensor.name}` });
  }
  const scores = scoresOf(live, policy.output);
  const other = scores === undefined ? undefined : others.get(scores.name);
  const classes =
    scores === undefined || other === undefined || !sameForm(scores, other)
      ? NOTHING_COMPARED
      : compareScores(scores, other, policy);
  const firstFlip = 'firstFlip' in classes ? classes.firstFlip : -1;
  const because = parts.find((part) => part.because !== null)?.because ?? null;
  const differs = because !== null || classes.flips > 0;
  return {
    equal: !differs,
    because: firstFlip >= 0 ? `the class of row ${firstFlip} of output ${scores?.name} is another one` : because,
    elements: sum(parts, 'elements'),
    differing: sum(parts, 'differing'),
    largestDifference: parts.reduce((most, part) => Math.max(most, part.largestDifference), 0),
    rows: classes.rows,
    flips: classes.flips,
    topK: classes.topK,
    cosine: classes.cosine,
  };
}

const sum = (parts: readonly ElementsDiff[], field: 'elements' | 'differing'): number =>
  parts.reduce((total, part) => total + part[field], 0);

const showShape = ({ datatype, shape }: AnswerTensor): string => `${datatype} [${shape.join(',')}]`;

const sameForm = (a: AnswerTensor, b: AnswerTensor): boolean =>
  a.datatype === b.datatype && a.shape.length === b.shape.length && a.shape.every((size, at) => size === b.shape[at]);

function compareOutput(live: AnswerTensor, shadow: AnswerTensor | undefined, tolerance: number): ElementsDiff {
  const elements = lengthOfElements(live.elements);
  const wrong = (because: string): ElementsDiff => ({ elements, differing: elements, largestDifference: 0, because });
  if (shadow === undefined) return wrong(`the shadow has no output ${live.name}`);
  if (!sameForm(live, shadow)) return wrong(`output ${live.name} is ${showShape(shadow)} instead of ${showShape(live)}`);
  return compareElements(live, shadow, tolerance);
}

function compareElements({ name, shape, elements: live }: AnswerTensor, other: AnswerTensor, tolerance: number): ElementsDiff {
  const shadow = other.elements;
  const count = lengthOfElements(live);
  let differing = 0;
  let largest = 0;
  let first = -1;
  for (let at = 0; at < count; at++) {
    const difference = differenceAt(live, shadow, at);
    if (difference <= tolerance) {
      if (difference > largest) largest = difference;
      continue;
    }
    differing += 1;
    if (first < 0) first = at;
    largest = Math.max(largest, Math.min(difference, Number.MAX_VALUE));
  }
  const because =
    first < 0 ? null : `output ${name} at ${placeOf(first, shape)} is ${show(shadow, first)} instead of ${show(live, first)}`;
  return { elements: count, differing, largestDifference: largest, because };
}

/** Relative to the larger of 1 and the live value; infinite where the two cannot be subtracted. */
function differenceAt(live: Elements, shadow: Elements, at: number): number {
  if (live.kind === 'bytes' || shadow.kind === 'bytes') {
    const same = live.kind === 'bytes' && shadow.kind === 'bytes' && sameBytes(live.values[at] as Uint8Array, shadow.values[at]);
    return same ? 0 : Number.POSITIVE_INFINITY;
  }
  const [a, b] = [live.values[at] as number | bigint, shadow.values[at] as number | bigint];
  // Integers of 64 bits are told apart exactly, and measured as numbers are.
  if (a === b) return 0;
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) && Number.isNaN(y) ? 0 : Number.POSITIVE_INFINITY;
  if (!Number.isFinite(x) || !Number.isFinite(y)) return Number.POSITIVE_INFINITY;
  const difference = typeof a === 'bigint' && typeof b === 'bigint' ? Number(a > b ? a - b : b - a) : Math.abs(x - y);
  return difference / Math.max(1, Math.abs(x));
}

/** Where an element stands, for instance `[0,2]`. */
function placeOf(at: number, shape: readonly number[]): string {
  let rest = at;
  const places = shape.toReversed().map((size) => {
    const place = rest % size;
    rest = Math.floor(rest / size);
    return place;
  });
  return `[${places.toReversed().join(',')}]`;
}

/** Contents of byte strings are nobody's business here: their length says enough. */
function show(elements: Elements, at: number): string {
  if (elements.kind !== 'bytes') return String(elements.values[at]);
  return `a string of ${elements.values[at]?.length ?? 0} bytes`;
}
