import type { ArmFigures, SplitShare } from '../../records/index.ts';

/** Shares of which `explore` is divided among all arms alike. @param learned sums to 1, in the order of the arms */
export const exploring = (arms: readonly ArmFigures[], learned: readonly number[], explore: number): readonly SplitShare[] =>
  arms.map(({ variant }, at) => ({ variant, weight: explore / arms.length + (1 - explore) * (learned[at] ?? 0) }));
