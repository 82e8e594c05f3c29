import type { OpaqueFields, SlotAssignment, SlotRun } from '@modelmesh/core/records';
import type { ObjectReader } from './object-reader.ts';
import { objectOf, restOf } from './object-writer.ts';

/**
 * The slots of a policy as they are stored: for each split the names of its variants once, and the runs as pairs of a name's place and a count,
 * `[0, 9000, 1, 1000]`. Many edits cut the runs small, and names in each of them would take most of what a policy may take.
 */
export function slotObjects(slots: SlotAssignment, rest: OpaqueFields): readonly (object | undefined)[] | undefined {
  if (slots.size === 0) return undefined;
  return [...slots].map(([split, runs], at) => {
    const names = [...new Set(runs.map(({ variant }) => variant))];
    const places = new Map(names.map((name, place) => [name, place]));
    const pairs = runs.flatMap(({ variant, count }) => [places.get(variant) ?? 0, count]);
    return objectOf(
      [
        ['split', split],
        ['variants', names],
        ['runs', pairs],
      ],
      restOf(rest, String(at)),
    );
  });
}

/** Reads the slots of a policy; the way back of {@link slotObjects}. */
export const readSlots = (readers: readonly ObjectReader[]): SlotAssignment =>
  new Map(readers.map((reader) => [reader.string('split') ?? '', readRuns(reader)]));

function readRuns(reader: ObjectReader): readonly SlotRun[] {
  const names = reader.strings('variants');
  const pairs = reader.naturals('runs');
  const runs: SlotRun[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    const [place, count] = [pairs[at], pairs[at + 1]];
    const variant = place === undefined ? undefined : names[place];
    if (variant === undefined || count === undefined) {
      throw reader.refusal('runs', 'pairs of the place of a variant and a count');
    }
    runs.push({ variant, count });
  }
  return runs;
}
