import {
  type Clock,
  type DurationMs,
  durationMs,
  MeshError,
  type MonotonicMs,
  type Revision,
  sleep,
  type Timer,
  toMeshError,
} from '@modelmesh/core';
import type { Scope } from '@modelmesh/core/scope';
import type { Method } from '@modelmesh/grpc/call';
import { evidenceOf, portError } from './answers.ts';
import {
  BEAT_MS,
  READ_MS,
  READY_WAIT_MS,
  RETRY_PAUSE_MS,
  ROUND_PAUSE_MAX_MS,
  ROUND_PAUSE_MIN_MS,
  SILENT_BEATS_MAX,
  TRIES_MAX,
} from './limits.ts';
import { type Answer, Member, type MemberParts, type Seen } from './member.ts';

/** Where the link stands. */
type LinkState =
  /** A member answers. */
  | { readonly kind: 'ready'; readonly member: Member }
  /** The member was lost a moment ago, or the link is new: calls wait. */
  | { readonly kind: 'looking' }
  /** No member answers: calls are refused at once, while it goes on looking. */
  | { readonly kind: 'down'; readonly error: MeshError }
  | { readonly kind: 'closed' };

/** `impatient` ends with an outage, `opening` with one that will not pass by itself, `patient` with the link alone. */
type Patience = 'impatient' | 'opening' | 'patient';

interface Waiter {
  readonly patience: Patience;
  readonly resolve: (member: Member) => void;
  readonly reject: (error: MeshError) => void;
}

/**
 * Keeps one member of the cluster at hand. Members are tried in their order, beginning behind the one that was lost; while none answers
 * the link says so at once and goes on trying.
 */
export class EtcdLink {
  readonly #parts: MemberParts;
  readonly #clock: Clock;
  readonly #seen: Seen = { revision: 0 as Revision, clusterId: undefined };
  readonly #waiters = new Set<Waiter>();
  #state: LinkState = { kind: 'looking' };
  /** Of the last round that found no member. */
  #outage: MeshError | undefined;
  #next = 0;
  #pauseMs: number = ROUND_PAUSE_MIN_MS;
  /** Told of each member that was found good. */
  onReady: (member: Member) => void = () => undefined;

  constructor(parts: MemberParts, scope: Scope) {
    this.#parts = parts;
    this.#clock = parts.clock;
    scope.spawn('connection to etcd', (signal) => this.#run(signal));
  }

  /** The newest revision that any answer has shown. */
  get revision(): Revision {
    return this.#seen.revision;
  }

  /** Why no member answers, or `undefined` while one does or may. */
  get outage(): MeshError | undefined {
    return this.#state.kind === 'down' ? refusalOf(this.#state.error) : undefined;
  }

  get isReady(): boolean {
    return this.#state.kind === 'ready';
  }

  /** How messages name the member of the moment. */
  get memberName(): string {
    return this.#state.kind === 'ready' ? this.#state.member.name : 'any member';
  }

  /** The member of the moment. Waits while one is looked for, at most `READY_WAIT_MS`. Rejects with `registry-unavailable`. */
  member(): Promise<Member> {
    switch (this.#state.kind) {
      case 'ready':
        return Promise.resolve(this.#state.member);
      case 'down':
        return Promise.reject(refusalOf(this.#state.error));
      case 'closed':
        return Promise.reject(closedError());
      case 'looking':
        return this.#wait('impatient', READY_WAIT_MS);
    }
  }

  /** Like {@link member}, and waits through any outage. Rejects only when the link is closed. */
  nextMember(): Promise<Member> {
    return this.#state.kind === 'ready' || this.#state.kind === 'closed' ? this.member() : this.#wait('patient');
  }

  /** The first member, for an owner who opens the registry: an outage may pass within `limitMs`, what will not pass rejects at once. */
  firstMember(limitMs: DurationMs): Promise<Member> {
    return this.#state.kind === 'ready' ? this.member() : this.#wait('opening', limitMs);
  }

  /**
   * A call that may be made again: it is, at another member where needed, for as long as its time lasts. Rejects with the error of the port,
   * or with a status of etcd that the caller knows (`knows`).
   */
  async ask<Request, RequestInit, Response extends Answer, ResponseInit>(
    method: Method<Request, RequestInit, Response, ResponseInit>,
    request: RequestInit,
    knows: (error: unknown) => boolean = () => false,
  ): Promise<Response> {
    const endMs = this.#clock.monotonicMs() + READ_MS;
    for (let tries = 1; ; tries++) {
      const member = await this.member();
      try {
        return await member.call(method, request, this.#leftOf(endMs as MonotonicMs));
      } catch (error) {
        if (knows(error)) throw error;
        const evidence = evidenceOf(error);
        const last = tries >= TRIES_MAX || this.#clock.monotonicMs() >= endMs;
        if (evidence === 'refused' || last) throw portError(error, member.name);
        if (evidence === 'sign-in') await this.signIn(member);
        else await this.#pauseFor(member);
      }
    }
  }

  /** Signs in anew. Rejects with the port's error; a member that lets the node in no more is left. */
  async signIn(member: Member): Promise<void> {
    try {
      await member.signIn();
    } catch (error) {
      member.leave(toMeshError(error).message);
      throw portError(error, member.name);
    }
  }

  /** Refuses everything from now on; the owner's scope ends the connection. */
  close(): void {
    const before = this.#state;
    this.#become({ kind: 'closed' });
    if (before.kind === 'ready') before.member.leave('the registry was closed');
  }

  /** A member that refused for the moment gets a moment; one that was left needs none. */
  async #pauseFor(member: Member): Promise<void> {
    if (!member.left.aborted) await sleep(this.#clock, RETRY_PAUSE_MS);
  }

  #leftOf(endMs: MonotonicMs): DurationMs {
    return durationMs(Math.max(1, endMs - this.#clock.monotonicMs()));
  }

  #wait(patience: Patience, limitMs?: DurationMs): Promise<Member> {
    return new Promise((resolve, reject) => {
      const late = (): void =>
        waiter.reject(this.#outage ?? new MeshError('registry-unavailable', 'no member of etcd was found in time'));
      const timer = limitMs === undefined ? undefined : this.#clock.after(limitMs, late);
      const done = (): void => {
        timer?.cancel();
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        patience,
        resolve: (member) => {
          done();
          resolve(member);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  #become(state: LinkState): void {
    if (this.#state.kind === 'closed') return;
    this.#state = state;
    switch (state.kind) {
      case 'ready':
        this.#outage = undefined;
        for (const waiter of [...this.#waiters]) waiter.resolve(state.member);
        this.onReady(state.member);
        return;
      case 'down':
        this.#outage = state.error;
        for (const waiter of [...this.#waiters])
          if (endsWith(waiter.patience, state.error))
            waiter.reject(waiter.patience === 'opening' ? state.error : refusalOf(state.error));
        return;
      case 'closed':
        for (const waiter of [...this.#waiters]) waiter.reject(closedError());
        return;
      case 'looking':
        return;
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const member = await this.#round(signal);
      if (member === undefined) {
        await sleep(this.#clock, durationMs(this.#pauseMs), signal);
        this.#pauseMs = Math.min(this.#pauseMs * 2, ROUND_PAUSE_MAX_MS);
        continue;
      }
      this.#pauseMs = ROUND_PAUSE_MIN_MS;
      this.#become({ kind: 'ready', member });
      await this.#watchOver(member, signal);
      this.#become({ kind: 'looking' });
    }
  }

  /** Tries every member once. */
  async #round(signal: AbortSignal): Promise<Member | undefined> {
    const { endpoints } = this.#parts.place;
    const problems: MeshError[] = [];
    for (const _ of endpoints) {
      signal.throwIfAborted();
      const endpoint = endpoints[this.#next % endpoints.length];
      this.#next += 1;
      if (endpoint === undefined) continue;
      try {
        return await Member.open(endpoint, this.#parts, this.#seen, signal);
      } catch (error) {
        problems.push(toMeshError(error));
      }
    }
    this.#become({ kind: 'down', error: outageOf(problems) });
    return undefined;
  }

  /** Resolves when the member was left: by its connection's end, by its silence, or because it lost its cluster. */
  async #watchOver(member: Member, signal: AbortSignal): Promise<void> {
    const over = new Promise<void>((resolve) => {
      if (member.left.aborted) resolve();
      member.left.addEventListener('abort', () => resolve(), { once: true });
    });
    let silent = 0;
    let beat: Timer | undefined;
    const listen = (): void => {
      beat = this.#clock.after(BEAT_MS, () => {
        silent += 1;
        // A node that was paused comes here late and once: one period, however long it was.
        if (silent > SILENT_BEATS_MAX) member.leave(`it was silent for ${silent * BEAT_MS} ms`);
        else listen();
      });
      member.status().then(
        ({ leader }) => {
          if (leader === 0n) member.leave('it knows no leader of its cluster');
          silent = 0;
        },
        (error: unknown) => {
          // An answer is a sign of life, whatever it says.
          if (evidenceOf(error) === 'refused' || evidenceOf(error) === 'sign-in') silent = 0;
        },
      );
    };
    const stop = (): void => member.leave('the registry was closed');
    signal.addEventListener('abort', stop, { once: true });
    listen();
    await over;
    beat?.cancel();
    signal.removeEventListener('abort', stop);
  }
}

/** Whatever the reason: for a call the registry is not there. */
const refusalOf = ({ message }: MeshError): MeshError => new MeshError('registry-unavailable', message);

const closedError = (): MeshError => new MeshError('registry-unavailable', 'the registry was closed');

const endsWith = (patience: Patience, outage: MeshError): boolean =>
  patience === 'impatient' || (patience === 'opening' && outage.kind === 'failed-precondition');

function outageOf(problems: readonly MeshError[]): MeshError {
  const lasting = problems.every(({ kind }) => kind === 'failed-precondition');
  const text = problems.map(({ message }) => message).join('; ');
  return new MeshError(lasting ? 'failed-precondition' : 'registry-unavailable', `no member of etcd can be used: ${text}`);
}
