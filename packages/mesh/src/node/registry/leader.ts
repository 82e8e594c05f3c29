import { type Clock, durationMs, type InstanceId, type Revision, revision, type Timer } from '@modelmesh/core';
import { leaderKey, leadersPrefix, type RegistryLayout } from '@modelmesh/wire/registry';
import type { Kv, KvWatch } from '../../kv/index.ts';
import type { Session } from './session.ts';

/** Pause before candidates are listed again after the watch was lost. */
const FOLLOW_PAUSE_MS = durationMs(1000);
/** Candidates of one listing: one for each instance of a mesh. */
const CANDIDATES_MAX = 10_000;

/**
 * Who does what one node is to do for all: the candidate whose key has stood longest, as in ModelMesh (spec `modelmesh.md` §3.1). All that a
 * leader writes is compared and set, so that two who both believe to lead for a moment do no harm.
 */
export class Leadership {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #layout: RegistryLayout;
  readonly #session: Session;
  readonly #own: string;
  readonly #candidates = new Map<string, Revision>();
  #watch: KvWatch | undefined;
  #retry: Timer | undefined;
  #stopped = false;
  #leads = false;
  /** Leadership was gained or lost. */
  onChange: (leads: boolean) => void = () => {};

  constructor(parts: {
    readonly kv: Kv;
    readonly clock: Clock;
    readonly layout: RegistryLayout;
    readonly session: Session;
    readonly instance: InstanceId;
  }) {
    this.#kv = parts.kv;
    this.#clock = parts.clock;
    this.#layout = parts.layout;
    this.#session = parts.session;
    this.#own = leaderKey(parts.layout, parts.instance);
    parts.session.hold({ key: this.#own, value: () => `_${parts.instance}` });
  }

  /** Whether this node leads now. One that has not heard of the registry for a lease's time does not. */
  get leads(): boolean {
    return this.#leads && this.#session.alive;
  }

  /** Lists the candidates, then follows them. */
  async start(): Promise<void> {
    const prefix = leadersPrefix(this.#layout);
    const page = await this.#kv.range(prefix, { limit: CANDIDATES_MAX });
    if (this.#stopped) return;
    if (page.kind === 'compacted') return this.#followLater();
    this.#candidates.clear();
    for (const entry of page.entries) this.#candidates.set(entry.key, entry.createRevision);
    this.#judge();
    this.#watch = this.#kv.watch(
      prefix,
      { from: revision(page.revision + 1) },
      {
        batch: ({ events }) => {
          for (const event of events) {
            if (event.kind === 'put') this.#candidates.set(event.entry.key, event.entry.createRevision);
            else this.#vanished(event.key);
          }
          this.#judge();
        },
        ended: ({ kind }) => {
          if (kind !== 'closed') this.#followLater();
        },
      },
    );
  }

  /** Follows no more. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#watch?.cancel();
  }

  #vanished(key: string): void {
    this.#candidates.delete(key);
    if (key === this.#own) this.#session.keyVanished(key);
  }

  #judge(): void {
    let first: string | undefined;
    for (const [key, created] of this.#candidates) {
      const before = first === undefined ? undefined : this.#candidates.get(first);
      if (before === undefined || created < before) first = key;
    }
    const leads = first === this.#own;
    if (leads === this.#leads) return;
    this.#leads = leads;
    this.onChange(leads);
  }

  #followLater(): void {
    if (this.#stopped) return;
    this.#retry = this.#clock.after(FOLLOW_PAUSE_MS, () => {
      this.start().catch(() => this.#followLater());
    });
  }
}
