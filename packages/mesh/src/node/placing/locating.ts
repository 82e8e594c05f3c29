import { type InstanceId, toMeshError } from '@modelmesh/core';
import type { ModelRecord } from '@modelmesh/core/records';
import type { ControlEnd, ErrorFacts, Located, ToControl } from '../../link/index.ts';
import { type LocalCopies, type RoutePublisher, waitError } from '../copies/index.ts';
import type { RegistryClaims } from '../registry/index.ts';
import { type CopyMap, factsOf } from './copy-map.ts';
import type { PlacementDesk } from './placement-desk.ts';

/** Decisions for one question that may be overtaken by another node's before it is given up. */
const OVERTAKEN_MAX = 3;

type LocateQuestion = Extract<ToControl, { readonly kind: 'locate' }>;

/** What locating is made of. */
export interface LocatingParts {
  readonly self: InstanceId;
  readonly map: CopyMap;
  readonly claims: RegistryClaims;
  readonly copies: LocalCopies;
  readonly desk: PlacementDesk;
  readonly routes: RoutePublisher;
  readonly link: ControlEnd;
  /** Whether the registry names a copy of this instance. */
  readonly isClaimed: (model: ModelRecord['key']) => boolean;
}

/**
 * Answers the data plane's questions: where a call of a model can go.
 *
 * No node decides for the others. Those that decide at the same time on equal pictures choose the same instance; where their pictures differ,
 * the registry lets one claim win, and whoever lost asks again with what it learned.
 */
export class Locating {
  readonly #parts: LocatingParts;
  readonly #map: CopyMap;

  constructor(parts: LocatingParts) {
    this.#parts = parts;
    this.#map = parts.map;
  }

  /** Answers the data plane. */
  locate(question: LocateQuestion): void {
    const { ask } = question;
    if (ask.kind === 'anywhere') this.#locateAnywhere(this.#besidesNewHolders(question), 0);
    else if (ask.kind === 'here') this.#locateHere(question, ask.intent);
    else if (ask.here === null) this.#locateForShadow(question);
    else this.#locateShadowHere(question, ask.here);
  }

  /**
   * A call that nobody waits for: to a copy that is there, here or elsewhere, else to one that is loaded into memory that is free. It waits for no
   * runtime and no registry, tries one place, and is told at once what came of it.
   */
  #locateForShadow(question: LocateQuestion): void {
    const { map, copies, desk, self } = this.#parts;
    const tried = new Set(question.exclude);
    const record = map.record(question.model);
    if (record === undefined) {
      this.#failed(question, 'nowhere', { kind: 'model-not-found', message: 'model not found', retryAfterMs: null });
      return;
    }
    if (!tried.has(self) && copies.knowledge(record.key) !== 'absent') {
      this.#waitForFreeRoom(question, record, 'nowhere');
      return;
    }
    const [holder] = map.holders(record, tried);
    const roomAt = holder ?? desk.freeRoomFor(record, tried);
    if (roomAt === null) {
      const because = desk.isFailing(record) ? 'loads of it failed' : 'no node has free memory for one';
      const kind = desk.isFailing(record) ? 'load-failed' : 'no-capacity';
      const message = `model ${record.key} has no copy, and ${because}`;
      this.#failed(question, 'nowhere', { kind, message, retryAfterMs: null });
    } else if (roomAt === self) this.#waitForFreeRoom(question, record, 'nowhere');
    else this.#answer(question, { kind: 'peer', instance: roomAt, intent: holder === undefined ? 'load' : 'copy' });
  }

  #locateShadowHere(question: LocateQuestion, intent: 'copy' | 'load'): void {
    const { map, copies, desk } = this.#parts;
    const record = map.record(question.model);
    if (record === undefined) this.#notHere(question, 'the model is not registered');
    else if (copies.knowledge(record.key) !== 'absent') this.#waitForFreeRoom(question, record, 'here');
    else {
      const refusal = intent === 'copy' ? 'there is no copy here any more' : desk.refusalHere(record);
      if (refusal === null) this.#waitForFreeRoom(question, record, 'here');
      else this.#notHere(question, refusal);
    }
  }

  #waitForFreeRoom(question: LocateQuestion, record: ModelRecord, where: 'here' | 'nowhere'): void {
    this.#parts.copies.waits.wantFreeRoom(record, (outcome) => {
      if (outcome.kind === 'serving') this.#answer(question, { kind: 'serving', slot: outcome.slot });
      else this.#failed(question, where, factsOf(waitError(record.key, outcome)));
    });
  }

  #locateAnywhere(question: LocateQuestion, overtaken: number): void {
    const { model, exclude, lastUsedMs } = question;
    const record = this.#map.record(model);
    if (record === undefined) {
      this.#failed(question, 'nowhere', { kind: 'model-not-found', message: 'model not found', retryAfterMs: null });
      return;
    }
    const target = this.#map.targetOf(record, new Set(exclude), lastUsedMs);
    if (target.kind === 'none') this.#failed(question, 'nowhere', target.error);
    else if (target.instance !== this.#parts.self)
      this.#answer(question, { kind: 'peer', instance: target.instance, intent: target.kind });
    else
      this.#waitHere(question, record, () => this.#locateAnywhere(this.#overtaken(question, record), overtaken + 1), overtaken);
  }

  /** Whoever did not load the model a moment ago, and has claimed it since, loads it for somebody else: the call joins that load and begins none. */
  #besidesNewHolders(question: LocateQuestion): LocateQuestion {
    const { model, refused } = question;
    if (refused === undefined || refused.length === 0) return question;
    const record = this.#map.record(model);
    if (record === undefined) return question;
    const claims = this.#map.claims(record);
    const loads = refused.filter(({ instance, sinceMs }) => claims.has(instance) && claims.get(instance) !== sinceMs);
    return { ...question, exclude: question.exclude.filter((id) => loads.every(({ instance }) => instance !== id)) };
  }

  /** The question again, after others claimed the model: one that was no holder when it was asked for this call may be one now. */
  #overtaken(question: LocateQuestion, before: ModelRecord): LocateQuestion {
    const now = this.#map.record(question.model)?.copies;
    const exclude = question.exclude.filter((id) => now?.get(id) === before.copies.get(id));
    return { ...question, exclude };
  }

  #waitHere(question: LocateQuestion, record: ModelRecord, again: () => void, overtaken: number): void {
    const { claims, copies, self } = this.#parts;
    claims.allowBeside(record.key, this.#holdersTried(record, question));
    copies.waits.want(record, 'call', question.lastUsedMs, null, (outcome) => {
      if (outcome.kind === 'serving') {
        this.#answer(question, { kind: 'serving', slot: outcome.slot });
        return;
      }
      if (outcome.kind === 'claim-lost' && overtaken < OVERTAKEN_MAX) {
        again();
        return;
      }
      const elsewhere = this.#map.targetOf(record, new Set([...question.exclude, self]), question.lastUsedMs).kind !== 'none';
      this.#failed(question, elsewhere ? 'here' : 'nowhere', factsOf(waitError(record.key, outcome)));
    });
  }

  /** For a call that another node sent here: it is not sent on. */
  #locateHere(question: LocateQuestion, intent: 'copy' | 'load'): void {
    const { copies, claims, desk } = this.#parts;
    const record = this.#map.record(question.model);
    if (record === undefined) {
      // The caller may know of the model before the watch has told this instance.
      this.#map.freshRecord(question.model).then(
        (fresh) => {
          if (fresh === undefined) this.#notHere(question, 'the model is not registered');
          else this.#locateHere(question, intent);
        },
        (error: unknown) => this.#notHere(question, toMeshError(error).message),
      );
      return;
    }
    if (copies.knowledge(question.model) === 'absent') {
      const refusal = intent === 'copy' ? 'there is no copy here any more' : desk.refusalHere(record);
      if (refusal !== null) {
        // What the registry says of this instance sent the call here; it is put right.
        if (this.#parts.isClaimed(question.model)) claims.withdraw(question.model, record.lastUsedMs).catch(() => {});
        this.#notHere(question, refusal);
        return;
      }
    }
    claims.allowBeside(record.key, this.#holdersTried(record, question));
    copies.waits.want(record, 'call', question.lastUsedMs, null, (outcome) => {
      if (outcome.kind === 'serving') this.#answer(question, { kind: 'serving', slot: outcome.slot });
      else if (outcome.kind === 'claim-lost') this.#notHere(question, outcome.message);
      else this.#failed(question, 'here', factsOf(waitError(record.key, outcome)));
    });
  }

  /** Copies that this call cannot use. Whoever was asked to load and refused is none of them: it may load for somebody else meanwhile. */
  #holdersTried(record: ModelRecord, { exclude }: LocateQuestion): readonly InstanceId[] {
    return [...exclude.filter((id) => record.copies.has(id)), ...this.#map.uncallable(record)];
  }

  #notHere(question: LocateQuestion, message: string): void {
    const record = this.#map.record(question.model);
    const holder = record === undefined ? undefined : this.#map.holders(record, new Set(question.exclude))[0];
    this.#answer(question, { kind: 'not-here', message, ...(holder === undefined ? {} : { holder }) });
  }

  #failed(question: LocateQuestion, where: 'here' | 'nowhere', error: ErrorFacts): void {
    this.#answer(question, { kind: 'failed', where, error });
  }

  #answer({ request, model }: LocateQuestion, outcome: Located): void {
    // The link keeps the order: the worker knows the route before it is told that it may go.
    this.#parts.routes.flush();
    this.#parts.link.send({ kind: 'located', request, model, outcome });
  }
}
