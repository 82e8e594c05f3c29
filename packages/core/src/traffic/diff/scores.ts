/** What is said of outputs that hold scores of classes. */
import type { ComparePolicy } from '../../records/index.ts';
import type { AnswerTensor } from './answer.ts';
import type { Comparison } from './comparer.ts';

/** What scores alone say. */
type ScoresDiff = Pick<Comparison, 'rows' | 'flips' | 'topK' | 'cosine'> & {
  /** The first row with another class; −1: none. */
  readonly firstFlip: number;
};

const NO_SCORES: ScoresDiff = { rows: 0, flips: 0, topK: null, cosine: null, firstFlip: -1 };

/** The output whose highest element is the class: the named one, or the first of floats. */
export function scoresOf(tensors: readonly AnswerTensor[], output: string | null): AnswerTensor | undefined {
  return tensors.find(({ name, elements }) => (output === null ? elements.kind === 'float' : name === output));
}

/** Compares scores of one shape. An output of byte strings names the class itself, once an element. */
export function compareScores(live: AnswerTensor, shadow: AnswerTensor, { topK }: ComparePolicy): ScoresDiff {
  const [a, b] = [live.elements, shadow.elements];
  if (a.kind === 'bytes' || b.kind === 'bytes') return compareNames(live, shadow);
  const [x, y] = [numbersOf(a), numbersOf(b)];
  const classes = live.shape.at(-1) ?? 0;
  const cosine = cosineOf(x, y);
  if (classes < 2) return { ...NO_SCORES, cosine };
  const rows = x.length / classes;
  const k = Math.min(topK, classes);
  let flips = 0;
  let firstFlip = -1;
  let agreement = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * classes;
    if (highest(x, at, classes) !== highest(y, at, classes)) {
      if (flips === 0) firstFlip = row;
      flips += 1;
    }
    if (k > 0) agreement += highestOf(x, at, classes, k).intersection(highestOf(y, at, classes, k)).size / k;
  }
  return { rows, flips, firstFlip, topK: k === 0 || rows === 0 ? null : agreement / rows, cosine };
}

function compareNames(live: AnswerTensor, shadow: AnswerTensor): ScoresDiff {
  const [a, b] = [live.elements, shadow.elements];
  if (a.kind !== 'bytes' || b.kind !== 'bytes') return NO_SCORES;
  const differs = a.values.map((bytes, at) => !sameBytes(bytes, b.values[at]));
  const flips = differs.filter(Boolean).length;
  return { ...NO_SCORES, rows: a.values.length, flips, firstFlip: differs.indexOf(true) };
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

const numbersOf = (elements: Exclude<AnswerTensor['elements'], { kind: 'bytes' }>): ArrayLike<number> =>
  elements.kind === 'integer64' ? Array.from(elements.values, Number) : elements.values;

/** The first of the highest; −1 where nothing is a number. */
function highest(values: ArrayLike<number>, from: number, count: number): number {
  let best = -1;
  for (let at = 0; at < count; at++) {
    const value = values[from + at] as number;
    if (!Number.isNaN(value) && (best < 0 || value > (values[from + best] as number))) best = at;
  }
  return best;
}

/** Places of the `k` highest; of equal ones the first. What is no number comes last. */
function highestOf(values: ArrayLike<number>, from: number, count: number, k: number): Set<number> {
  const value = (at: number): number => {
    const one = values[from + at] as number;
    return Number.isNaN(one) ? Number.NEGATIVE_INFINITY : one;
  };
  const places = Array.from({ length: count }, (_, at) => at);
  // Infinities cannot be subtracted from each other.
  places.sort((a, b) => (value(a) === value(b) ? a - b : value(a) > value(b) ? -1 : 1));
  return new Set(places.slice(0, k));
}

/** Cosine of two vectors: 1 where both are zero, 0 where one is; `null` where it is no number. */
function cosineOf(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const scale = Math.max(largest(a), largest(b));
  if (a.length === 0 || !Number.isFinite(scale)) return null;
  const [dot, x, y] = products(a, b, largest(a) || 1, largest(b) || 1);
  if (x === 0 || y === 0) return x === y ? 1 : 0;
  return Math.max(-1, Math.min(1, dot / Math.sqrt(x * y)));
}

/** Scaled to 1 at most, so that squares neither overflow nor vanish. */
function products(a: ArrayLike<number>, b: ArrayLike<number>, scaleA: number, scaleB: number): readonly [number, number, number] {
  let [dot, x, y] = [0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    const p = (a[at] as number) / scaleA;
    const q = (b[at] as number) / scaleB;
    dot += p * q;
    x += p * p;
    y += q * q;
  }
  return [dot, x, y];
}

/** The largest absolute value; no finite number if one of them is none. */
function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let at = 0; at < values.length; at++) {
    const value = Math.abs(values[at] as number);
    if (!Number.isFinite(value)) return Number.POSITIVE_INFINITY;
    if (value > most) most = value;
  }
  return most;
}
