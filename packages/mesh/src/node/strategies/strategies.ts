import { type Clock, type DurationMs, type InstanceId, type Random, sleep, toMeshError } from '@modelmesh/core';
import {
  ABSENT,
  type ArmFigures,
  deleteOf,
  type FiguresRecord,
  figuresRecordKey,
  newFiguresRecord,
  type PolicyRecord,
  policyRecordKey,
  putOf,
  type SplitShare,
  weightsRecordKey,
} from '@modelmesh/core/records';
import type { Scope } from '@modelmesh/core/scope';
import { armsOf, builtInStrategy, countsCalls, learn, nextWeights, type WeightsInput } from '@modelmesh/core/traffic';
import type { Dirty } from '@modelmesh/core/view';
import { encodeRecord, type RegistryLayout, recordKeyText } from '@modelmesh/wire/registry';
import type { ArmCount } from '../../link/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';
import type { RegistryMirror, Session } from '../registry/index.ts';
import { ArmLedger } from './arm-ledger.ts';
import { EndedLives, keyOfFigures, keyOfPolicy } from './ended-lives.ts';

/** Strategies of plug-ins that say weights. */
export interface WeightsPlugins {
  /** Whether there is one of that name. */
  has(name: string): boolean;
  /** What it makes of the figures now; `null`: nothing, and what became of it was said. Never rejects. */
  weights(policy: PolicyRecord, arms: readonly ArmFigures[]): Promise<readonly SplitShare[] | null>;
}

/** Without plug-ins. */
export const NO_WEIGHTS_PLUGINS: WeightsPlugins = { has: () => false, weights: () => Promise.resolve(null) };

/** What strategies in control need. */
export interface StrategiesParts {
  readonly self: InstanceId;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly scope: Scope;
  readonly layout: RegistryLayout;
  readonly mirror: RegistryMirror;
  readonly session: Session;
  readonly limits: ReachedLimits;
  readonly periodMs: DurationMs;
  /** Whether this node sets weights now, as one does for all. */
  readonly leads: () => boolean;
  readonly plugins: WeightsPlugins;
  readonly onProblem: (message: string) => void;
}

/**
 * Strategies that learn: each node counts and publishes, the leader sets weights from the figures of all. Nothing runs while no endpoint has such a
 * strategy.
 */
export class Strategies {
  readonly #parts: StrategiesParts;
  readonly #ledger: ArmLedger;
  readonly #lives = new EndedLives();
  readonly #key: string;
  #counted = false;
  #held = false;
  #running = false;

  constructor(parts: StrategiesParts) {
    this.#parts = parts;
    this.#ledger = new ArmLedger(parts.mirror.view, parts.limits);
    this.#key = recordKeyText(parts.layout, figuresRecordKey(parts.self));
  }

  /** Workers counted calls. */
  add(counts: readonly ArmCount[]): void {
    this.#ledger.add(counts);
    this.#counted = true;
  }

  /** The registry changed. */
  changed({ endpoints }: Pick<Dirty, 'endpoints'>): void {
    if (this.#running || endpoints.length === 0 || !this.#isNeeded()) return;
    this.#running = true;
    this.#parts.scope.spawn('strategies', (signal) => this.#run(signal));
  }

  /** One turn: what was counted is published, and the leader sets weights. */
  async turn(signal: AbortSignal): Promise<void> {
    this.#publish();
    this.#lives.look(this.#figures());
    if (!this.#parts.leads()) return;
    for (const policy of this.#learning()) {
      if (signal.aborted) return;
      try {
        await this.#decide(policy);
      } catch (error) {
        this.#parts.onProblem(`weights of endpoint ${policy.id} were not set: ${toMeshError(error).message}`);
      }
    }
    this.#lives.prune(this.#learning());
    await this.#clean();
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#parts.clock, this.#parts.periodMs, signal);
      await this.turn(signal);
      if (this.#isNeeded()) continue;
      this.#running = false;
      return;
    }
  }

  /** Weights that are left of endpoints that are gone have to be taken away. */
  #isNeeded(): boolean {
    const [weights] = this.#parts.mirror.view.allWeights();
    return weights !== undefined || this.#learning().length > 0;
  }

  #publish(): void {
    const { session, self: instance, incarnation } = this.#parts;
    if (!this.#counted) return;
    this.#counted = false;
    if (this.#held) {
      session.touch(this.#key);
      return;
    }
    this.#held = true;
    const record = () => newFiguresRecord({ instance, incarnation, endpoints: this.#ledger.figures() });
    session.hold({ key: this.#key, value: () => encodeRecord(record()) });
  }

  /** Policies in force whose strategy asks what comes of calls. */
  #learning(): readonly PolicyRecord[] {
    const { view } = this.#parts.mirror;
    return [...view.endpoints()].flatMap(({ record: { namespace, id } }) => {
      const policy = view.policy(namespace, id)?.record;
      return policy === undefined || countsCalls(policy.policy.strategy) === null ? [] : [policy];
    });
  }

  *#figures(): Iterable<FiguresRecord> {
    for (const { record } of this.#parts.mirror.view.figures()) yield record;
  }

  async #decide(policy: PolicyRecord): Promise<void> {
    const { mirror, clock } = this.#parts;
    const { namespace, id } = policy;
    const stored = mirror.view.weights(namespace, id);
    const inForce = mirror.view.policy(namespace, id)?.revision;
    if (inForce === undefined) return;
    const live = [...this.#figures()].flatMap(({ endpoints }) =>
      endpoints.filter((one) => keyOfFigures(one) === keyOfPolicy(policy)).map(({ arms }) => arms),
    );
    const ended = this.#lives.of(policy);
    const input: WeightsInput = { policy, weights: stored?.record, live, ended };
    const shares = await this.#ask(policy, armsOf(input));
    const next = nextWeights(input, shares, clock.wallMs());
    if (next === null) return;
    const wrote = await mirror.change(() => {
      // What was decided holds for what it was decided on.
      const isSame =
        mirror.view.policy(namespace, id)?.revision === inForce &&
        mirror.view.weights(namespace, id)?.revision === stored?.revision;
      if (!isSame) return { writes: [], result: false };
      const check = { kind: 'check', key: policyRecordKey(id, namespace), expected: inForce } as const;
      return { writes: [check, putOf(next, stored?.revision ?? ABSENT)], result: true };
    });
    if (wrote) this.#lives.kept(policy);
  }

  #ask(policy: PolicyRecord, arms: readonly ArmFigures[]): Promise<readonly SplitShare[] | null> {
    const { strategy } = policy.policy;
    const { plugins, random } = this.#parts;
    if (arms.length === 0) return Promise.resolve(null);
    if (builtInStrategy(strategy.name) !== undefined) return Promise.resolve(learn(strategy, arms, random));
    return plugins.has(strategy.name) ? plugins.weights(policy, arms) : Promise.resolve(null);
  }

  /** Weights of endpoints that are gone, or learn no more, are of no use. */
  async #clean(): Promise<void> {
    const { mirror } = this.#parts;
    const wanted = new Set(this.#learning().map(({ namespace, id }) => `${namespace}\0${id}`));
    for (const { record, revision } of [...mirror.view.allWeights()]) {
      if (wanted.has(`${record.namespace}\0${record.id}`)) continue;
      const key = weightsRecordKey(record.id, record.namespace);
      await mirror
        .change(() => {
          const isSame = mirror.view.weights(record.namespace, record.id)?.revision === revision;
          return { writes: isSame ? [deleteOf(key, revision)] : [], result: null };
        })
        .catch((error: unknown) => this.#parts.onProblem(toMeshError(error).message));
    }
  }
}
