import { type DurationMs, type InstanceId, toMeshError } from '@modelmesh/core';
import type { Evidence } from '@modelmesh/core/routing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { SHADOWS_SINCE_PROTOCOL } from '@modelmesh/wire/peer';
import { errorMapping, GRPC_CODE, type PeerAttempt as ToldAttempt } from '@modelmesh/wire/status';
import type { PeerIntent } from '../../link/index.ts';
import type { LinkWaiter, PeerLink } from '../peers/index.ts';
import { Attempt, type AttemptOutcome, type AttemptOwner } from './attempt.ts';
import { peerHeaders } from './peer-headers.ts';
import { outcomeAtPeer } from './peer-outcome.ts';
import type { Plane } from './plane.ts';

/**
 * One try of a call at another node: the request as it came, under internal headers; injection is done where the runtime is. Counts among the
 * calls in flight there until it ends.
 */
export class PeerAttempt extends Attempt implements LinkWaiter {
  override readonly slot = null;
  readonly intent: PeerIntent;
  /** What the peer says of its own attempts. */
  told: readonly ToldAttempt[] = [];
  protected override readonly who: string;
  readonly #link: PeerLink;

  constructor(plane: Plane, owner: AttemptOwner, instance: InstanceId, link: PeerLink, intent: PeerIntent) {
    super(plane, owner, instance);
    this.intent = intent;
    this.who = `the node ${instance}`;
    this.#link = link;
  }

  override start(): void {
    this.#link.enter();
    this.#open();
  }

  override timeOut(): void {
    if (this.sent) super.timeOut();
    else this.onLinkFailed();
  }

  onLinkOpen(): void {
    if (!this.over) this.#open();
  }

  onLinkFailed(): void {
    if (!this.over) this.fail({ kind: 'connect-refused' });
  }

  protected override evidenceOfStatus(code: number, message: string, trailers: HeaderBlock): Evidence | undefined {
    const outcome = outcomeAtPeer(code, message, trailers);
    this.told = outcome.attempts;
    if (outcome.kind === 'evidence') return outcome.evidence;
    this.refuse(outcome.error, code);
    return undefined;
  }

  protected override left(code: number, tookMs: DurationMs, outcome: AttemptOutcome): void {
    const link = this.#link;
    link.forget(this);
    const { shadow = false, model } = this.owner.plan;
    // One that waits for a load says nothing of how long a call takes, nor does one that failed.
    if (code === GRPC_CODE.OK && this.intent === 'copy' && !shadow) link.latencies.took(model, tookMs);
    link.leave();
    if (!shadow) this.plane.metrics.forwarded?.(outcome);
  }

  #open(): void {
    const { protocol } = this.#link;
    if (this.owner.plan.shadow === true && protocol !== undefined && protocol < SHADOWS_SINCE_PROTOCOL) {
      // It would take the shadow for a use of its copy.
      this.fail({ kind: 'not-here' });
      return;
    }
    try {
      const stream = this.#link.open(
        (protocol) => peerHeaders(protocol, this.intent, this.plane.instance, this.owner),
        this,
        this,
      );
      if (stream === undefined) return;
      this.stream = stream;
    } catch (error) {
      const { kind, message } = toMeshError(error);
      if (errorMapping(kind).retry === 'never') throw error;
      this.fail(kind === 'unavailable' ? { kind: 'connect-refused' } : { kind: 'refused-by-peer', error: kind, message });
      return;
    }
    this.owner.body.beginAttempt();
    this.pump();
  }
}
