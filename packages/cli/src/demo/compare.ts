import type { JsonValue } from '@modelmesh/wire/oip';
import type { JsonObject, Tolerance } from './example.ts';

/** Elements of an output that are shown. */
const ELEMENTS_SHOWN = 4;

/** What an answer is, beside the recorded one. */
export type Comparison = { readonly same: true } | { readonly same: false; readonly why: string };

/** Compares outputs by name: texts and integers exactly, floating point within the tolerance. */
export function compareOutputs(got: readonly JsonObject[], expected: readonly JsonObject[], tolerance: Tolerance): Comparison {
  for (const output of expected) {
    const name = String(output.get('name'));
    const found = got.find((each) => each.get('name') === name);
    if (found === undefined) return { same: false, why: `${name} is missing` };
    const [ours, theirs] = [dataOf(found), dataOf(output)];
    if (ours.length !== theirs.length) return { same: false, why: `${name} has ${ours.length} elements, not ${theirs.length}` };
    const at = ours.findIndex((element, index) => !isNear(element, theirs[index], tolerance));
    if (at >= 0) return { same: false, why: `${name}[${at}] is ${String(ours[at])}, not ${String(theirs[at])}` };
  }
  return { same: true };
}

function isNear(got: JsonValue | undefined, expected: JsonValue | undefined, { absolute, relative }: Tolerance): boolean {
  if (typeof got !== 'number' || typeof expected !== 'number') return got === expected;
  if (Number.isInteger(expected) && got === expected) return true;
  return Math.abs(got - expected) <= absolute + relative * Math.abs(expected);
}

const dataOf = (output: JsonObject): readonly JsonValue[] => {
  const data = output.get('data');
  return Array.isArray(data) ? data : [];
};

/** Outputs in a few words: `label 1, probabilities 0.0000113 0.998 0.00164`. */
export const outputsText = (outputs: readonly JsonObject[]): string =>
  outputs.map((output) => `${String(output.get('name'))} ${elementsText(dataOf(output))}`).join(', ');

function elementsText(data: readonly JsonValue[]): string {
  const shown = data.slice(0, ELEMENTS_SHOWN).map(elementText).join(' ');
  return data.length > ELEMENTS_SHOWN ? `${shown} …` : shown;
}

function elementText(element: JsonValue): string {
  if (typeof element === 'number' && !Number.isInteger(element)) return String(Number(element.toPrecision(3)));
  return typeof element === 'string' ? JSON.stringify(element) : String(element);
}
