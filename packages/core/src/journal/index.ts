/** The door of the room: decisions that are kept for a while, so that each "why" has an answer. */
export { cacheRecord } from './cache-record.ts';
export { DecisionJournal, JOURNAL_AGE_MS, JOURNAL_RECORDS_MAX, RECORD_MODELS_MAX } from './decision-journal.ts';
export {
  DECISION_KINDS,
  type DecisionBody,
  type DecisionKind,
  type DecisionQuery,
  type DecisionRecord,
} from './decision-record.ts';
