import type { ModelReadiness } from '@modelmesh/core/registration';
import type { RepositoryEntry } from '@modelmesh/wire/oip';
import type { Control, ModelDetail } from '../../node/index.ts';

/** Models that one index lists; the protocol has no pages, and whoever has more uses `/api/v1/models`. */
export const REPOSITORY_ENTRIES_MAX = 10_000;

/**
 * The repository index in the order of the keys. A model of a family stands under the family's name with its version, any other under its
 * key without one: the words by which `ModelReady` and `ModelInfer` find it.
 */
export function repositoryEntries(
  control: Pick<Control, 'models'>,
  readiness: (detail: ModelDetail) => ModelReadiness,
): (RepositoryEntry & { readonly version: string })[] {
  return control.models({ after: null, limit: REPOSITORY_ENTRIES_MAX }).items.map((detail) => {
    const { key, family, version } = detail.record;
    const ready = readiness(detail);
    return {
      ...(family === undefined || version === undefined ? { name: key, version: '' } : { name: family, version }),
      state: ready.state,
      reason: ready.state === 'UNAVAILABLE' ? ready.reason : '',
    };
  });
}
