import type { CompiledPolicy, Live, Pick, RequestFacts } from '@modelmesh/core/traffic';
import type { CallMirror } from '../call/index.ts';

/** The shadows that a call gets, by its policy; `undefined`: none. Allocates only for a call that has some. */
export function mirrorsOf(
  policy: CompiledPolicy,
  pick: Pick,
  facts: RequestFacts,
  live: Live,
): readonly CallMirror[] | undefined {
  const places = policy.mirrorsOf(pick, live);
  if (places.length === 0) return undefined;
  const { mirrors, variants } = policy.policy;
  return places.flatMap((place) => {
    const mirror = mirrors[place];
    const variant = variants.find(({ name }) => name === mirror?.to);
    if (mirror === undefined || variant === undefined) return [];
    const segment = policy.expressions.segments[place]?.read(facts) ?? null;
    return { variant: variant.name, model: variant.model, compare: mirror.compare, segment };
  });
}
