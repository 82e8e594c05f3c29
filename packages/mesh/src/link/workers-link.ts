import type { InstanceId } from '@modelmesh/core';
import { type MirrorDiff, mergeDiffs } from '@modelmesh/core/traffic';
import type { CallChoice, ControlEnd, ToControl, ToDataPlane } from './messages.ts';

type PeerState = Extract<ToControl, { kind: 'peer-state' }>;
type Position = { readonly epoch: number; readonly version: number };
type Explained = Extract<ToControl, { kind: 'explained' }>;

/** One life of one worker, as control's side of the links knows it. */
interface Life {
  readonly worker: number;
  readonly end: ControlEnd;
  /** `wanting`: it asked for the table, and what is sent of a snapshot now is for it. Before its first one it is told of no change. */
  table: 'none' | 'wanting' | 'following';
  applied: Position | null;
  /** Peers that do not answer it, with the life of each that it speaks of. */
  readonly away: Map<InstanceId, string | null>;
}

interface Question {
  readonly limit: number;
  readonly waitsFor: Set<Life>;
  readonly choices: CallChoice[];
}

interface DiffQuestion {
  readonly waitsFor: Set<Life>;
  readonly diffs: (readonly MirrorDiff[])[];
}

/**
 * The links to all workers of the data plane as one end, so that control need not know how many there are. What all have to know goes to all, and
 * what was said last of the runtime, the rules and the freshness of policies also to those that come later; answers go to who asked; what workers tell is merged where several
 * say the same: acknowledged is what all have, a peer is away while one of them does not reach it, choices are those of all.
 */
export class WorkersLink implements ControlEnd {
  onMessage: (message: ToControl) => void = () => {};
  readonly #workers: number;
  readonly #lives = new Set<Life>();
  /** Who asked for what is answered under this number: workers count for themselves. */
  readonly #askers = new Map<number, { readonly life: Life; readonly request: number }>();
  readonly #questions = new Map<number, Question>();
  readonly #diffQuestions = new Map<number, DiffQuestion>();
  #asked = 0;
  #acknowledged: Position | null = null;
  #runtime: ToDataPlane | null = null;
  #rules: ToDataPlane | null = null;
  #freshness: ToDataPlane | null = null;

  /** @param workers places of workers; each has a number below it */
  constructor(workers: number) {
    this.#workers = workers;
  }

  /** A worker begins to live. The returned function ends its life: nothing more is sent to it, and what only it said counts no more. */
  join(worker: number, end: ControlEnd): () => void {
    const life: Life = { worker, end, table: 'none', applied: null, away: new Map() };
    this.#lives.add(life);
    end.onMessage = (message) => {
      if (this.#lives.has(life)) this.#receive(life, message);
    };
    for (const known of [this.#rules, this.#runtime, this.#freshness]) if (known !== null) end.send(known);
    return () => this.#leave(life);
  }

  send(message: ToDataPlane): void {
    switch (message.kind) {
      case 'route-snapshot':
        this.#sendSnapshot(message);
        return;
      case 'route-delta':
        for (const life of this.#lives) if (life.table === 'following') life.end.send(message);
        return;
      case 'located':
      case 'looked-up':
        this.#answer(message);
        return;
      case 'explain':
        this.#explain(message);
        return;
      case 'diff':
        this.#askForDiffs(message);
        return;
      case 'method-rules':
        this.#rules = message;
        this.#sendAll(message);
        return;
      case 'policy-freshness':
        this.#freshness = message;
        this.#sendAll(message);
        return;
      default:
        this.#runtime = message;
        this.#sendAll(message);
    }
  }

  #sendAll(message: ToDataPlane): void {
    for (const { end } of this.#lives) end.send(message);
  }

  #sendSnapshot(chunk: Extract<ToDataPlane, { kind: 'route-snapshot' }>): void {
    const wanting = [...this.#lives].filter(({ table }) => table === 'wanting');
    for (const life of wanting.length === 0 ? this.#lives : wanting) {
      life.end.send(chunk);
      if (chunk.last) life.table = 'following';
    }
  }

  #answer(message: Extract<ToDataPlane, { readonly kind: 'located' | 'looked-up' }>): void {
    const asker = this.#askers.get(message.request);
    this.#askers.delete(message.request);
    // Whoever asked may be gone.
    asker?.life.end.send({ ...message, request: asker.request });
  }

  #explain(message: Extract<ToDataPlane, { kind: 'explain' }>): void {
    const question: Question = { limit: message.limit, waitsFor: new Set(this.#lives), choices: [] };
    this.#questions.set(message.request, question);
    this.#sendAll(message);
    // Never inside the call that asks.
    if (question.waitsFor.size === 0) queueMicrotask(() => this.#settle(message.request, question));
  }

  #receive(life: Life, message: ToControl): void {
    switch (message.kind) {
      case 'locate':
      case 'look-up':
        this.#asked += 1;
        this.#askers.set(this.#asked, { life, request: message.request });
        this.onMessage({ ...message, request: this.#asked });
        return;
      case 'snapshot-wanted':
        life.table = 'wanting';
        this.onMessage(message);
        return;
      case 'ack':
        life.applied = { epoch: message.epoch, version: message.version };
        this.#acknowledge();
        return;
      case 'peer-state':
        this.#peerState(life, message);
        return;
      case 'explained':
        this.#explained(life, message);
        return;
      case 'diffed':
        this.#diffed(life, message);
        return;
      default:
        this.onMessage(message);
    }
  }

  /**
   * A worker that has no table yet takes no calls, so that it holds up nothing; one whose first table is on its way will take them by that, before it
   * comes to the changes behind it.
   */
  #acknowledge(): void {
    for (const { table, applied } of this.#lives) if (table === 'following' && applied === null) return;
    const positions = [...this.#lives].flatMap(({ applied }) => applied ?? []);
    const lowest = positions.toSorted((a, b) => a.epoch - b.epoch || a.version - b.version)[0];
    if (lowest === undefined) return;
    const { epoch, version } = this.#acknowledged ?? { epoch: -1, version: -1 };
    if (lowest.epoch < epoch || (lowest.epoch === epoch && lowest.version <= version)) return;
    this.#acknowledged = lowest;
    this.onMessage({ kind: 'ack', ...lowest });
  }

  #peerState(life: Life, message: PeerState): void {
    const { instance, incarnation, reachable } = message;
    if (reachable) life.away.delete(instance);
    else life.away.set(instance, incarnation);
    this.onMessage({ ...message, reachable: !this.#isAway(instance, incarnation) });
  }

  #isAway(instance: InstanceId, incarnation: string | null): boolean {
    for (const { away } of this.#lives) if (away.has(instance) && away.get(instance) === incarnation) return true;
    return false;
  }

  #explained(life: Life, { request, choices }: Explained): void {
    const question = this.#questions.get(request);
    if (question?.waitsFor.delete(life) !== true) return;
    // Workers count for themselves; together their numbers differ all the same, and each worker's still grow.
    for (const choice of choices) question.choices.push({ ...choice, number: choice.number * this.#workers + life.worker });
    if (question.waitsFor.size === 0) this.#settle(request, question);
  }

  #askForDiffs(message: Extract<ToDataPlane, { kind: 'diff' }>): void {
    const question: DiffQuestion = { waitsFor: new Set(this.#lives), diffs: [] };
    this.#diffQuestions.set(message.request, question);
    this.#sendAll(message);
    if (question.waitsFor.size === 0) queueMicrotask(() => this.#settleDiffs(message.request, question));
  }

  #diffed(life: Life, { request, diffs }: Extract<ToControl, { kind: 'diffed' }>): void {
    const question = this.#diffQuestions.get(request);
    if (question?.waitsFor.delete(life) !== true) return;
    question.diffs.push(diffs);
    if (question.waitsFor.size === 0) this.#settleDiffs(request, question);
  }

  #settleDiffs(request: number, { diffs }: DiffQuestion): void {
    this.#diffQuestions.delete(request);
    this.onMessage({ kind: 'diffed', request, diffs: mergeDiffs(diffs) });
  }

  #settle(request: number, { choices, limit }: Question): void {
    this.#questions.delete(request);
    const newest = choices.toSorted((a, b) => b.atMs - a.atMs || b.number - a.number).slice(0, limit);
    this.onMessage({ kind: 'explained', request, choices: newest });
  }

  #leave(life: Life): void {
    if (!this.#lives.delete(life)) return;
    for (const [number, asker] of this.#askers) if (asker.life === life) this.#askers.delete(number);
    for (const [request, question] of this.#questions)
      if (question.waitsFor.delete(life) && question.waitsFor.size === 0) this.#settle(request, question);
    for (const [request, question] of this.#diffQuestions)
      if (question.waitsFor.delete(life) && question.waitsFor.size === 0) this.#settleDiffs(request, question);
    for (const [instance, incarnation] of life.away)
      if (!this.#isAway(instance, incarnation)) this.onMessage({ kind: 'peer-state', instance, incarnation, reachable: true });
    this.#acknowledge();
  }
}
