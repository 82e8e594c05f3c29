import type { MessageInitShape } from '@bufbuild/protobuf';
import { epochMs, instanceId, MeshError, modelKey } from '@modelmesh/core';
import { DECISION_KINDS, type DecisionKind, type DecisionQuery, type DecisionRecord } from '@modelmesh/core/journal';
import type { Decision, DecisionSchema, ExplainRequest } from '@modelmesh/wire/peer';

/** What the decisions of one answer weigh at most, in characters of JSON: older ones are left out. */
export const DECISIONS_CHARACTERS_MAX = 128 * 1024;

/** A question about decisions, in the form that travels. */
export const queryMessage = ({ kind, model, instance, requestId }: DecisionQuery) => ({
  kind: kind ?? '',
  model: model ?? '',
  instance: instance ?? '',
  requestId: requestId ?? '',
});

/** @throws {MeshError} `invalid-argument` for a kind that this version does not know */
export function readQuery({ kind, model, instance, requestId }: ExplainRequest): DecisionQuery {
  if (kind !== '' && !isKind(kind)) throw new MeshError('invalid-argument', `${JSON.stringify(kind)} is no kind of decision`);
  return {
    ...(kind === '' ? {} : { kind }),
    ...(model === '' ? {} : { model: modelKey(model) }),
    ...(instance === '' ? {} : { instance: instanceId(instance) }),
    ...(requestId === '' ? {} : { requestId }),
  };
}

/** The first of these decisions that one answer holds. */
export function decisionMessages(records: readonly DecisionRecord[]): MessageInitShape<typeof DecisionSchema>[] {
  const messages: MessageInitShape<typeof DecisionSchema>[] = [];
  let characters = 0;
  for (const { model, models, instance, requestId, details, ...rest } of records) {
    const text = JSON.stringify(details);
    characters += text.length + rest.because.length + models.reduce((sum, key) => sum + key.length, 0);
    if (messages.length > 0 && characters > DECISIONS_CHARACTERS_MAX) break;
    messages.push({
      ...rest,
      models: [...models],
      model: model ?? '',
      instance: instance ?? '',
      requestId: requestId ?? '',
      details: text,
    });
  }
  return messages;
}

/** What a peer decided. Decisions of kinds that this version does not know are left out. */
export const readDecisions = (decisions: readonly Decision[]): readonly DecisionRecord[] =>
  decisions.flatMap(({ id, kind, atMs, model, models, instance, requestId, because, details }) =>
    isKind(kind) && Number.isFinite(atMs)
      ? {
          id,
          kind,
          atMs: epochMs(atMs),
          model: model === '' ? null : modelKey(model),
          models: models.map((key) => modelKey(key)),
          instance: instance === '' ? null : instanceId(instance),
          requestId: requestId === '' ? null : requestId,
          because,
          details: readDetails(details),
        }
      : [],
  );

function readDetails(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

const isKind = (word: string): word is DecisionKind => (DECISION_KINDS as readonly string[]).includes(word);
