import { type Clock, durationMs, type InstanceId, type MonotonicMs, sleep, type Timer } from '@modelmesh/core';
import type { InstanceRecord } from '@modelmesh/core/records';
import type { Scope } from '@modelmesh/core/scope';
import {
  MissingInstances,
  type Orphan,
  orphansOf,
  REAPER_CONTINUES_MS,
  REAPER_FIRST_MS,
  REAPER_FIRST_READ_ONLY_MS,
  REAPER_PERIOD_MS,
  REAPER_REGISTRY_FAILURES_MAX,
  runReaper,
} from '@modelmesh/core/upkeep';
import { inBatches } from '../in-batches.ts';
import type { Members } from '../members/index.ts';
import type { Placing } from '../placing/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';
import type { RegistryMirror, RegistryPulse } from '../registry/index.ts';

/** Records that are written at the same time. */
const WRITES_AT_ONCE = 64;
/** Models of a lost instance that are asked for at the same time. */
const ORPHANS_AT_ONCE = 8;

/**
 * An instance that is gone is remembered this long: where it was the leader itself, who leads next is known only a moment after it is gone, and
 * later still where that one has to be replaced too.
 */
const GONE_REMEMBERED_MS = durationMs(60_000);
/** Instances that are remembered so; what further ones held is loaded by calls. */
export const GONE_REMEMBERED_MAX = 256;

/** What the reaper is made of. */
export interface ReaperParts {
  readonly clock: Clock;
  readonly mirror: RegistryMirror;
  readonly pulse: RegistryPulse;
  readonly members: Members;
  readonly placing: Placing;
  readonly leads: () => boolean;
  readonly readOnly: boolean;
  /** Looks at transitions again that got stuck. */
  readonly sweep: () => void;
  readonly onProblem: (message: string) => void;
  readonly limits: ReachedLimits;
  /** Ends with the node. */
  readonly signal: AbortSignal;
}

/** What the leader does about instances that are gone (spec `modelmesh.md` §4.9). */
export class Reaper {
  readonly #parts: ReaperParts;
  readonly #missing = new MissingInstances();
  readonly #goneLately = new Map<InstanceId, { readonly last: InstanceRecord; readonly atMs: MonotonicMs }>();
  #look: Timer | undefined;

  constructor(parts: ReaperParts) {
    this.#parts = parts;
    parts.signal.addEventListener('abort', () => this.#look?.cancel(), { once: true });
  }

  /** Runs until `scope` ends; does nothing while this node does not lead. */
  start(scope: Scope): void {
    const { clock, leads, readOnly, pulse } = this.#parts;
    scope.spawn('reaper', async (signal) => {
      for (let pauseMs = readOnly ? REAPER_FIRST_READ_ONLY_MS : REAPER_FIRST_MS; ; ) {
        await sleep(clock, pauseMs, signal);
        const more = leads() && pulse.away === undefined && (await this.#run(signal));
        pauseMs = more ? REAPER_CONTINUES_MS : REAPER_PERIOD_MS;
      }
    });
  }

  /**
   * An instance is gone: what was used there of late and is nowhere else is loaded elsewhere before anybody calls, by whoever leads now or soon.
   * Nothing depends on it: a call that comes first loads the model at once. Only noted here: nothing is placed from inside the registry's watch.
   */
  instanceGone(last: InstanceRecord): void {
    const atMs = this.#parts.clock.monotonicMs();
    if (this.#goneLately.size >= GONE_REMEMBERED_MAX) this.#forgetOld(atMs);
    if (this.#goneLately.size >= GONE_REMEMBERED_MAX) {
      this.#parts.limits.add('gone-instances');
      return;
    }
    this.#goneLately.set(last.id, { last, atMs });
    this.#lookSoon();
  }

  #forgetOld(nowMs: MonotonicMs): void {
    for (const [id, { atMs }] of this.#goneLately) if (nowMs - atMs > GONE_REMEMBERED_MS) this.#goneLately.delete(id);
  }

  /** This node leads from now on: instances that went just before are its to see to. */
  leadsNow(): void {
    if (this.#goneLately.size > 0) this.#lookSoon();
  }

  #lookSoon(): void {
    const { clock, signal, readOnly } = this.#parts;
    if (signal.aborted || readOnly) return;
    this.#look ??= clock.after(durationMs(0), () => {
      this.#look = undefined;
      this.#replaceGone();
    });
  }

  #replaceGone(): void {
    const { leads, clock, members } = this.#parts;
    const nowMs = clock.monotonicMs();
    const isLeader = leads();
    for (const [id, { last, atMs }] of this.#goneLately) {
      const isOver = nowMs - atMs > GONE_REMEMBERED_MS || members.isLive(id);
      if (isOver || isLeader) this.#goneLately.delete(id);
      if (isLeader && !isOver) this.#loadElsewhere(last);
    }
  }

  #loadElsewhere({ id: instance, leastRecentUseMs }: InstanceRecord): void {
    const { mirror, members, clock, placing, signal } = this.#parts;
    const orphans = orphansOf(mirror.view, instance, (id) => members.isLive(id), clock.wallMs(), leastRecentUseMs);
    const load = async ({ model, lastUsedMs }: Orphan): Promise<void> => {
      await placing.ensure(model, { lastUsedMs, sync: false, exclude: [instance], signal });
    };
    inBatches(orphans, ORPHANS_AT_ONCE, signal, load).catch(() => {});
  }

  async #run(signal: AbortSignal): Promise<boolean> {
    const { mirror, members, clock, readOnly, sweep, onProblem } = this.#parts;
    sweep();
    this.#missing.observe(mirror.view.namedInstances(), (id) => members.isLive(id), clock.monotonicMs());
    const gone = this.#missing.gone(clock.monotonicMs());
    if (readOnly || gone.length === 0) return false;
    try {
      const confirmed = await this.#confirmed(gone);
      const { writes, more } = runReaper(mirror.view, confirmed, clock.wallMs());
      let failures = 0;
      for (let from = 0; from < writes.length; from += WRITES_AT_ONCE) {
        const batch = writes.slice(from, from + WRITES_AT_ONCE);
        const errors = await inBatches(batch, WRITES_AT_ONCE, signal, ({ record, revision }) =>
          mirror.writeJudged(record, revision),
        );
        failures += errors.length;
        if (failures >= REAPER_REGISTRY_FAILURES_MAX) throw errors[0] ?? new Error('the registry failed');
      }
      return more;
    } catch (error) {
      onProblem(`the reaper gave a run up: ${error instanceof Error ? error.message : 'unknown'}`);
      return false;
    }
  }

  /** The picture may be behind: the registry itself is asked before anything is dropped. */
  async #confirmed(gone: readonly InstanceId[]): Promise<readonly InstanceId[]> {
    const { mirror, clock } = this.#parts;
    const { confirm } = runReaper(mirror.view, gone, clock.wallMs());
    const confirmed: InstanceId[] = [];
    for (const instance of confirm) if (!(await mirror.isRegistered(instance))) confirmed.push(instance);
    return confirmed;
  }
}
