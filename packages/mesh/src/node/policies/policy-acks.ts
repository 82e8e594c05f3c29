import { type Clock, type DurationMs, type InstanceId, type Revision, revision } from '@modelmesh/core';
import { newPolicyAckRecord, policyAckKey } from '@modelmesh/core/records';
import type { RegistryView } from '@modelmesh/core/view';
import { encodeRecord, type RegistryLayout, recordKeyText } from '@modelmesh/wire/registry';
import type { RoutePublisher } from '../copies/index.ts';
import type { Session } from '../registry/index.ts';
import type { PolicyFreshness } from './policy-freshness.ts';
import type { SeenInstance, SeenInstances } from './seen-instances.ts';

/** An instance that may still run what was in force before, and what is known of the reason. */
export interface MissingInstance {
  readonly instance: InstanceId;
  readonly why: string;
}

/** Who runs what was written. */
export interface Acknowledgement {
  readonly acknowledged: readonly InstanceId[];
  readonly missing: readonly MissingInstance[];
}

interface Parts {
  readonly instance: InstanceId;
  readonly clock: Clock;
  readonly layout: RegistryLayout;
  readonly view: RegistryView;
  readonly session: Session;
  readonly routes: RoutePublisher;
  readonly seen: SeenInstances;
  readonly freshness: PolicyFreshness;
  /** Fires when this node ends: nothing is waited for any more. */
  readonly ending: AbortSignal;
}

/** Versions of the table that are remembered until the workers have them. Of more the oldest are forgotten: what comes after them says more. */
const SENT_MAX = 1024;

const NOTHING: Revision = revision(0);

/**
 * Who has come how far with the policies of endpoints. This node says how far its whole data plane has come, in a small record beside its own;
 * whoever edits an endpoint waits for those of the others.
 *
 * A version of the route table holds all that was in the picture when it was sent. Hence: once all workers have acknowledged it, they run everything
 * up to the revision that the picture was complete to then. Complete is it to where the watch has come, not to the newest record in it: an own write
 * is in the picture at once, and what others wrote before it perhaps not.
 */
export class PolicyAcks {
  readonly #parts: Parts;
  readonly #key: string;
  /** Versions of the table that were sent, with the revision that each is complete to, until the workers have them. */
  #sent: { readonly version: number; readonly upTo: Revision }[] = [];
  #heardUpTo = NOTHING;
  #confirmedVersion = -1;
  #ranUpTo = NOTHING;
  #scheduled = false;
  readonly #waiters = new Set<() => void>();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { session, instance, layout } = parts;
    this.#key = recordKeyText(layout, policyAckKey(instance));
    session.hold({
      key: this.#key,
      value: () => encodeRecord(newPolicyAckRecord({ instance, revision: this.#ranUpTo })),
    });
  }

  /** Up to where this node's whole data plane runs what was written of endpoints. */
  get ranUpTo(): Revision {
    return this.#ranUpTo;
  }

  /** The picture holds everything that was written of endpoints up to there. */
  heard(upTo: Revision): void {
    if (upTo > this.#heardUpTo) this.#heardUpTo = upTo;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#send());
  }

  /** All workers run this version of the route table. */
  confirmed(version: number): void {
    if (version > this.#confirmedVersion) this.#confirmedVersion = version;
    this.#advance();
  }

  /** An instance has come further, or is there or gone. */
  changed(): void {
    for (const look of [...this.#waiters]) look();
  }

  /** The registry says that this node's record is gone. */
  vanished(): void {
    this.#parts.session.keyVanished(this.#key);
  }

  /** Whether an instance has said that it runs everything up to there. */
  hasRun(instance: InstanceId, upTo: Revision): boolean {
    const { instance: self, view } = this.#parts;
    return (instance === self ? this.#ranUpTo : (view.policyAck(instance)?.record.revision ?? NOTHING)) >= upTo;
  }

  /**
   * Waits until every instance that was seen in the last three lease times runs everything up to a revision, at most so long; then says who does
   * not.
   */
  async everywhere(upTo: Revision, withinMs: DurationMs, signal: AbortSignal): Promise<Acknowledgement> {
    const { clock, ending } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.#missing(upTo).length === 0) resolve();
    };
    this.#waiters.add(look);
    const timer = clock.after(withinMs, resolve);
    const ended = AbortSignal.any([signal, ending]);
    ended.addEventListener('abort', () => resolve(), { once: true });
    if (ended.aborted) resolve();
    try {
      look();
      await promise;
      return this.#standing(upTo, withinMs);
    } finally {
      this.#waiters.delete(look);
      timer.cancel();
    }
  }

  #send(): void {
    this.#scheduled = false;
    const { routes } = this.#parts;
    routes.flush();
    this.#sent.push({ version: routes.version, upTo: this.#heardUpTo });
    if (this.#sent.length > SENT_MAX) this.#sent.shift();
    this.#advance();
  }

  #advance(): void {
    const confirmed = this.#sent.filter(({ version }) => version <= this.#confirmedVersion);
    if (confirmed.length === 0) return;
    this.#sent = this.#sent.filter(({ version }) => version > this.#confirmedVersion);
    const upTo = confirmed.at(-1)?.upTo ?? NOTHING;
    if (upTo <= this.#ranUpTo) return;
    this.#ranUpTo = upTo;
    void this.#parts.session.write(this.#key);
    this.changed();
  }

  #instances(): readonly SeenInstance[] {
    const { instance, seen } = this.#parts;
    return [{ id: instance, goneAtMs: null }, ...seen.lately().filter(({ id }) => id !== instance)];
  }

  #missing(upTo: Revision): readonly SeenInstance[] {
    return this.#instances().filter(({ id }) => !this.hasRun(id, upTo));
  }

  #standing(upTo: Revision, waitedMs: DurationMs): Acknowledgement {
    const missing = this.#missing(upTo).map((instance) => ({ instance: instance.id, why: this.#why(instance, waitedMs) }));
    const acknowledged = this.#instances().flatMap(({ id }) => (this.hasRun(id, upTo) ? [id] : []));
    return { acknowledged, missing };
  }

  #why({ id, goneAtMs }: SeenInstance, waitedMs: DurationMs): string {
    const { instance: self, clock, view, freshness } = this.#parts;
    const waited = `within ${waitedMs / 1000} s`;
    if (id === self && freshness.staleSinceMs !== null) return 'it does not hear the registry';
    if (id === self) return `not all of its workers took the policy over ${waited}`;
    if (goneAtMs !== null) {
      const agoS = Math.round((clock.monotonicMs() - goneAtMs) / 1000);
      return `its lease ended ${agoS} s ago: it has stopped, or is cut off from the registry and may answer by the policy before`;
    }
    if (view.policyAck(id) === undefined) return 'it says nothing of policies: it is starting, or of a version that does not';
    return `it did not acknowledge ${waited}: it is cut off from the registry, or one of its workers hangs`;
  }
}
