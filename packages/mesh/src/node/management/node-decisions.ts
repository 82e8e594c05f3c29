import { type Clock, type DurationMs, durationMs, type InstanceId } from '@modelmesh/core';
import { type DecisionJournal, type DecisionQuery, type DecisionRecord, JOURNAL_AGE_MS } from '@modelmesh/core/journal';
import type { CallChoice, CallRecord, ControlEnd } from '../../link/index.ts';
import { EXPLAINED_MAX } from '../control.ts';
import { inTime } from '../in-time.ts';
import { callDecision, choiceDecision } from '../placing/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';
import { OpenQuestions } from './open-questions.ts';

/** Choices among copies that one node tells at a time: more of them say nothing new, and other decisions would not be seen among them. */
export const CHOICES_TOLD_MAX = 20;
/** So long the data plane may take to answer one: less than a node that asks this one waits. */
export const CHOICES_TIMEOUT_MS: DurationMs = durationMs(1000);

/** What the decisions of a node are found with. */
export interface NodeDecisionsParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly link: ControlEnd;
  readonly journal: DecisionJournal;
  readonly limits: ReachedLimits;
}

/** What this node decided: control keeps its own decisions, the data plane which copies it chose, until somebody asks. */
export class NodeDecisions {
  readonly #parts: NodeDecisionsParts;
  readonly #questions: OpenQuestions<readonly CallChoice[]>;

  constructor(parts: NodeDecisionsParts) {
    this.#parts = parts;
    this.#questions = new OpenQuestions(parts.limits, 'why calls went where they did');
  }

  /** A call failed or was repeated. */
  callEnded(record: CallRecord): void {
    const { journal, self } = this.#parts;
    journal.add(callDecision(record, self));
  }

  /** The data plane's answer. */
  explained(request: number, choices: readonly CallChoice[]): void {
    this.#questions.answered(request, choices);
  }

  /** What control decided, newest first. */
  decided(query: DecisionQuery): readonly DecisionRecord[] {
    const { journal, clock } = this.#parts;
    return journal.find(query, clock.wallMs(), EXPLAINED_MAX);
  }

  /**
   * What control or the data plane decided, newest first.
   *
   * @throws {MeshError} `overloaded` while too many ask, `deadline-exceeded` when the data plane does not answer
   */
  async explain(query: DecisionQuery, signal: AbortSignal): Promise<readonly DecisionRecord[]> {
    const { self, clock } = this.#parts;
    if (!mayBeChoice(query, self)) return this.decided(query);
    const choices = await inTime({ clock, withinMs: CHOICES_TIMEOUT_MS, signal }, (limited) => this.#ask(query, limited));
    const youngest = clock.wallMs() - JOURNAL_AGE_MS;
    const chosen = choices.filter(({ atMs }) => atMs >= youngest).map((choice) => choiceDecision(choice, self));
    return newestFirst([...this.decided(query), ...chosen]).slice(0, EXPLAINED_MAX);
  }

  #ask({ model, requestId }: DecisionQuery, signal: AbortSignal): Promise<readonly CallChoice[]> {
    const query = { model: model ?? null, requestId: requestId ?? null };
    const { link } = this.#parts;
    return this.#questions.ask((request) => link.send({ kind: 'explain', request, query, limit: CHOICES_TOLD_MAX }), signal);
  }
}

/** Those that were made last come first. */
export const newestFirst = <Record extends DecisionRecord>(records: readonly Record[]): readonly Record[] =>
  records.toSorted((a, b) => b.atMs - a.atMs || b.id - a.id);

const mayBeChoice = ({ kind = 'choice', instance }: DecisionQuery, self: InstanceId): boolean =>
  kind === 'choice' && (instance === undefined || instance === self);
