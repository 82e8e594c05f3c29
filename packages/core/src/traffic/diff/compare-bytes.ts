import type { AnswerMessage } from './answer.ts';
import { type Comparer, type Comparison, NOTHING_COMPARED } from './comparer.ts';

/** Compares messages byte for byte: for methods that are none of the Open Inference Protocol. */
export const bytes: Comparer = {
  name: 'bytes',
  compare({ bytes: live }: AnswerMessage, { bytes: shadow }: AnswerMessage): Comparison {
    const common = Math.min(live.length, shadow.length);
    let differing = Math.max(live.length, shadow.length) - common;
    let first = differing === 0 ? -1 : common;
    for (let at = common - 1; at >= 0; at--) {
      if (live[at] === shadow[at]) continue;
      differing += 1;
      first = at;
    }
    const elements = Math.max(live.length, shadow.length);
    if (differing === 0) return { ...NOTHING_COMPARED, elements };
    const because = `from byte ${first} on the answer is another one (${shadow.length} bytes instead of ${live.length})`;
    return { ...NOTHING_COMPARED, equal: false, because, elements, differing };
  },
};
