import type { EpochMs, InstanceId, ModelKey } from '../units.ts';

/**
 * What was decided: where a copy goes, who has to go for it, that it is not taken in, where a call went that failed or was repeated, which of
 * several copies answered a call at once, how many copies there are to be, what becomes of the runtime and its memory.
 */
export const DECISION_KINDS = ['placement', 'eviction', 'refusal', 'route', 'choice', 'scale', 'runtime'] as const;
/** One of {@link DECISION_KINDS}. */
export type DecisionKind = (typeof DECISION_KINDS)[number];

/** A decision, as whoever makes it writes it down. */
export interface DecisionBody {
  readonly kind: DecisionKind;
  readonly atMs: EpochMs;
  /** The model that it is about. */
  readonly model?: ModelKey | null;
  /** Others that it touched: victims, for instance. */
  readonly models?: readonly ModelKey[];
  /** Where it took effect, or where something was sent. */
  readonly instance?: InstanceId | null;
  /** The call for which it was made. */
  readonly requestId?: string | null;
  /** The reason as a sentence, for people. */
  readonly because: string;
  /** What else the kind says: candidates, scores, rejections, bytes. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A decision that was kept. `id` grows by one with each of one journal; among choices, with each of one data plane. */
export interface DecisionRecord extends Required<DecisionBody> {
  readonly id: number;
}

/** Which records somebody asks for; what is left out does not matter. */
export interface DecisionQuery {
  readonly kind?: DecisionKind;
  /** About this model, or one that touched it. */
  readonly model?: ModelKey;
  readonly instance?: InstanceId;
  readonly requestId?: string;
}
