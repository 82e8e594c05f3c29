import { percent } from '../figures/index.ts';
import type { FamilyVerdict } from './judge.ts';

/** The rows of the table in the guide to cache policies, as Markdown: a test compares them with the page. */
export const guideRows = (families: readonly FamilyVerdict[]): readonly string[] =>
  families.map(({ family, hitRates, evictions, savedMean, savedLeast, savedMost }) => {
    const cells = [
      `\`${family}\``,
      `${percent(hitRates[0])} → ${percent(hitRates[1])}`,
      `${Math.round(evictions[0])} → ${Math.round(evictions[1])}`,
      percent(savedMean),
      `${percent(savedLeast)} … ${percent(savedMost)}`,
    ];
    return `| ${cells.join(' | ')} |`;
  });

/** The sentence of the guide about one of the other situations: what was saved in each family. */
export const guideShares = (families: readonly FamilyVerdict[]): string =>
  families.map(({ savedMean }) => percent(savedMean)).join(', ');
