import { type DurationMs, durationMs, type EpochMs } from '../units.ts';
import type { DecisionBody, DecisionKind, DecisionQuery, DecisionRecord } from './decision-record.ts';

/** Records of one kind that are kept. */
export const JOURNAL_RECORDS_MAX = 1000;
/** Older ones are not told any more. */
export const JOURNAL_AGE_MS = durationMs(86_400_000);
/** Models that a record may name beside its own; the rest of them is left out of its list and stays in its details. */
export const RECORD_MODELS_MAX = 1000;

/** The last decisions of each kind, bounded by number and age. */
export class DecisionJournal {
  readonly #recordsMax: number;
  readonly #ageMs: DurationMs;
  /** By kind, oldest first. */
  readonly #kept = new Map<DecisionKind, DecisionRecord[]>();
  #made = 0;

  constructor(recordsMax: number = JOURNAL_RECORDS_MAX, ageMs: DurationMs = JOURNAL_AGE_MS) {
    this.#recordsMax = recordsMax;
    this.#ageMs = ageMs;
  }

  /** Keeps a decision, in place of the oldest of its kind where there are too many. */
  add(body: DecisionBody): DecisionRecord {
    this.#made += 1;
    const { kind, atMs, because, model = null, models = [], instance = null, requestId = null, details = {} } = body;
    const named = models.length > RECORD_MODELS_MAX ? models.slice(0, RECORD_MODELS_MAX) : models;
    const record = { id: this.#made, kind, atMs, model, models: named, instance, requestId, because, details };
    const kept = this.#kept.get(kind) ?? [];
    kept.push(record);
    if (kept.length > this.#recordsMax) kept.shift();
    this.#kept.set(kind, kept);
    return record;
  }

  /** The last records that fit, newest first, at most `limit`. */
  find(query: DecisionQuery, nowMs: EpochMs, limit: number): readonly DecisionRecord[] {
    const kinds = query.kind === undefined ? [...this.#kept.values()] : [this.#kept.get(query.kind) ?? []];
    return kinds
      .flatMap((kept) => kept.filter((record) => nowMs - record.atMs <= this.#ageMs && fits(record, query)))
      .sort((a, b) => b.id - a.id)
      .slice(0, limit);
  }
}

function fits(record: DecisionRecord, { model, instance, requestId }: DecisionQuery): boolean {
  if (model !== undefined && record.model !== model && !record.models.includes(model)) return false;
  if (instance !== undefined && record.instance !== instance) return false;
  return requestId === undefined || record.requestId === requestId;
}
