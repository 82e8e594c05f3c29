import type { EpochMs, InstanceId } from '@modelmesh/core';
import type { AttemptTarget, CopyChoice, EndedAttempt, Evidence, ScoredCopy } from '@modelmesh/core/routing';
import type { PeerAttempt as ToldAttempt } from '@modelmesh/wire/status';
import type { CallRecord, RefusedLoad } from '../../link/index.ts';
import type { CallPlan } from './call-plan.ts';

const NOBODY: ReadonlySet<InstanceId> = new Set();

/** What was tried for one call, and what may not be tried again. Takes no memory for a call whose first attempt answers. */
export class AttemptLog {
  readonly ended: EndedAttempt[] = [];
  #tried: Set<InstanceId> | undefined;
  #excluded: Set<InstanceId> | undefined;
  /** Instances that were asked to load the model and did not, the claim that was known of them then, and how often that was. */
  #refusals: Map<InstanceId, { readonly sinceMs: EpochMs | null; readonly times: number }> | undefined;
  readonly #lines: string[] = [];
  #hasChosen = false;

  /** Copies that were called and did not answer. An instance that has none may still load one. */
  get tried(): ReadonlySet<InstanceId> {
    return this.#tried ?? NOBODY;
  }

  /** Instances that are not asked again, for a copy or for a load. */
  get excluded(): ReadonlySet<InstanceId> {
    return this.#excluded ?? NOBODY;
  }

  /** Those of the excluded that did not load the model, once: they may have a copy by now, for somebody else. */
  get refused(): readonly RefusedLoad[] {
    return [...(this.#refusals ?? [])].flatMap(([instance, { sinceMs, times }]) => (times === 1 ? [{ instance, sinceMs }] : []));
  }

  /** One line for each attempt, oldest first, with the choices that were no matter of course. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Whether a call that was answered is to be explained: an attempt failed before, or there was a choice. */
  get isOfNote(): boolean {
    return this.ended.length > 0 || this.#hasChosen;
  }

  /** What is kept of the call for explanations: of one that was answered at once, which copy was chosen. */
  recordOf({ requestId, method, model, endpoint }: CallPlan, outcome: string, atMs: EpochMs): CallRecord {
    const onlyChosen = outcome === 'answered' && this.ended.length === 0;
    return { atMs, requestId, method, model, endpoint: endpoint?.id ?? null, outcome, attempts: this.#lines, onlyChosen };
  }

  /** A copy was chosen; of note where it was chosen among several. */
  chose(choice: CopyChoice): void {
    if (choice.kind === 'none' || choice.considered.length < 2) return;
    this.#hasChosen = true;
    this.#lines.push(`chose ${choice.considered.map(shown).join(' before ')}: ${choice.because}`);
  }

  /** An attempt ended without an answer. `told`: what a peer said of its own attempts. */
  end(target: AttemptTarget, evidence: Evidence, told: readonly ToldAttempt[] = []): void {
    this.ended.push({ target, evidence });
    this.#lines.push(target.local ? evidence.kind : `${evidence.kind} at ${target.instance}`);
    for (const { instance, outcome, detail } of told)
      this.#lines.push(`${instance} says ${outcome}${detail === '' ? '' : `: ${detail}`}`);
  }

  /** Control found nobody else, and says why. */
  foundNobody(why: string): void {
    this.#lines.push(`nobody else: ${why}`);
  }

  /** Control found nobody, and says why; `instance` has a copy and may answer again in a moment. */
  awaits(instance: InstanceId, why: string): void {
    this.#lines.push(`nobody else: ${why}; waits for ${instance} to answer again`);
  }

  /** `instance` answers again, and may be asked. */
  readmit(instance: InstanceId): void {
    this.#tried?.delete(instance);
    this.#excluded?.delete(instance);
  }

  /** The copy at `instance` is not called again. */
  tryNoMore(instance: InstanceId): void {
    this.#tried ??= new Set();
    this.#tried.add(instance);
  }

  /** `instance` is not asked again. */
  exclude(instance: InstanceId): void {
    this.tryNoMore(instance);
    this.#excluded ??= new Set();
    this.#excluded.add(instance);
  }

  /** `instance` was asked to load the model, and did not. `sinceMs`: the claim of a copy that is known of it; `null`: none. */
  refusedBy(instance: InstanceId, sinceMs: EpochMs | null): void {
    this.#refusals ??= new Map();
    this.#refusals.set(instance, { sinceMs, times: (this.#refusals.get(instance)?.times ?? 0) + 1 });
  }
}

function shown({ instance, inFlight, latencyMs, cost }: ScoredCopy): string {
  const latency = latencyMs === null ? '?' : latencyMs.toFixed(1);
  return `${instance} (${inFlight} in flight, ${latency} ms, cost ${cost.toFixed(1)})`;
}
