/** What the mesh itself adds to an answer. */
import { reasonText } from '@modelmesh/core/traffic';
import { HEADER, isVisibleAscii, ORIGIN_HEADER } from '@modelmesh/wire/headers';
import type { AnswerOrigin } from './call-plan.ts';
import type { Plane } from './plane.ts';

const NOTHING: readonly string[] = [];

/** Names may be any text, and header fields may not: what is not visible ASCII is percent-encoded, and with it the per cent sign. */
const inHeader = (text: string): string => (isVisibleAscii(text) && !text.includes('%') ? text : encodeURIComponent(text));

/** Where an answer comes from, as a flat list name, value. */
function originFields({ plan, instance }: AnswerOrigin): string[] {
  const { endpoint, choice, model } = plan;
  const fields: string[] = [];
  if (endpoint !== null) {
    const { id, revision, variant } = endpoint;
    fields.push(ORIGIN_HEADER.endpoint, inHeader(id), ORIGIN_HEADER.revision, String(revision));
    fields.push(ORIGIN_HEADER.variant, inHeader(variant));
  }
  if (choice !== undefined) {
    const { reason } = choice.pick;
    if (reason.kind === 'rule' || reason.kind === 'rule-split') fields.push(ORIGIN_HEADER.rule, inHeader(reason.rule));
    const text = reasonText(reason);
    fields.push(ORIGIN_HEADER.reason, isVisibleAscii(text) ? text : encodeURIComponent(text));
  }
  fields.push(ORIGIN_HEADER.model, inHeader(model));
  if (instance !== null) fields.push(ORIGIN_HEADER.instance, inHeader(instance));
  return fields;
}

/**
 * The fields that an answer brings beside the runtime's own, as a flat list name, value: where it comes from if `explains`, that policies may be
 * outdated, and a token for a new client.
 *
 * @param origin `undefined` while nobody was asked
 */
export function answerFields(
  { stalePolicy }: Pick<Plane, 'stalePolicy'>,
  origin: AnswerOrigin | undefined,
  explains: boolean,
): readonly string[] {
  const own = origin?.plan.answerFields ?? NOTHING;
  const isStale = stalePolicy !== null && origin?.plan.endpoint != null;
  if (!explains && !isStale) return own;
  const fields = [...own];
  if (isStale) fields.push(HEADER.stalePolicy, stalePolicy);
  if (explains && origin !== undefined) fields.push(...originFields(origin));
  return fields;
}
