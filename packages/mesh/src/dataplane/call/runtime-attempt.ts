import { type DurationMs, durationMs, MeshError, type MonotonicMs, toMeshError } from '@modelmesh/core';
import type { Evidence } from '@modelmesh/core/routing';
import type { ByteStream } from '@modelmesh/grpc/stream';
import { formatGrpcTimeout, HEADER } from '@modelmesh/wire/headers';
import { errorMapping, GRPC_CODE } from '@modelmesh/wire/status';
import type { SlotRef } from '../../link/index.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { type TurnWaiter, turnsMax } from './copy-gates.ts';
import { type InjectionSink, injectionFor, type MessageInjector } from './message-injector.ts';
import type { Plane } from './plane.ts';

/** A rewritten message goes out in pieces, so that the stream can say stop between them. */
const SLICE_BYTES_MAX = 65_536;

/** One try of a call at the local runtime. Holds a place in the copy's calls in flight until it ends. */
export class RuntimeAttempt extends Attempt implements InjectionSink, TurnWaiter {
  override readonly slot: SlotRef;
  protected override readonly who = 'the runtime';
  #injector: MessageInjector | undefined;
  /** Whether its turn at a copy with limited concurrency is awaited, or running. */
  #turn: 'none' | 'awaited' | 'running' = 'none';
  #askedMs: MonotonicMs | undefined;
  #waitedMs = durationMs(0);
  /** Rewritten messages that the stream could not yet take. */
  readonly #injected: Uint8Array[] = [];

  constructor(plane: Plane, owner: AttemptOwner, slot: SlotRef) {
    super(plane, owner, plane.instance);
    this.slot = slot;
  }

  override start(): void {
    const { plane, slot } = this;
    const concurrency = plane.routes.model(this.owner.plan.model)?.concurrency ?? null;
    if (concurrency === null) {
      this.#open();
      return;
    }
    // A shadow takes a turn that is free, and waits for none: those that wait are live calls.
    const { shadow = false } = this.owner.plan;
    const turns = shadow ? concurrency : (plane.limits.turnsPerCopyMax ?? turnsMax(concurrency));
    switch (plane.gates.enter(slot, concurrency, turns, this)) {
      case 'now':
        this.#turn = 'running';
        this.#open();
        return;
      case 'later':
        this.#turn = 'awaited';
        this.#askedMs = plane.clock.monotonicMs();
        return;
      case 'full':
        if (shadow) this.fail({ kind: 'not-here' });
        else this.fail({ kind: 'runtime-status', code: GRPC_CODE.RESOURCE_EXHAUSTED, message: 'Model queue overload' });
    }
  }

  onTurn(): void {
    const { plane, slot } = this;
    this.#turn = 'running';
    this.#wait();
    // A copy that is to go must not be held up by calls that have not begun.
    if (plane.counters.serves(slot)) this.#open();
    else this.fail({ kind: 'not-here' });
  }

  #open(): void {
    const { plan, body } = this.owner;
    const access = this.plane.runtime.access;
    if (access === undefined) {
      this.fail({ kind: 'runtime-down' });
      return;
    }
    const path = access.methods.get(plan.method);
    if (path === undefined && !access.anyMethod) {
      this.#refuse(new MeshError('unsupported-method', `Method not found or not permitted: ${plan.method}`));
      return;
    }
    const { messageBytesMax, inflateRatioMax } = this.plane.limits;
    const { model, encoding } = plan;
    const options = { model, encoding, messageBytesMax, inflateRatioMax, room: this.plane.rewriteRoom };
    this.#injector = injectionFor(path, options, this);
    const { forwardedMs } = this.owner;
    const headers = forwardedMs === null ? plan.headers : plan.headers.with(HEADER.grpcTimeout, formatGrpcTimeout(forwardedMs));
    let stream: ByteStream | undefined;
    try {
      stream = this.plane.runtime.open(headers, false, this);
    } catch (error) {
      this.#refuse(toMeshError(error));
      return;
    }
    if (stream === undefined) {
      this.fail({ kind: 'runtime-down' });
      return;
    }
    this.stream = stream;
    body.beginAttempt();
    this.pump();
  }

  override pump(): void {
    const injector = this.#injector;
    if (injector === undefined) {
      super.pump();
      return;
    }
    const { body } = this.owner;
    const { stream } = this;
    if (stream === undefined) return;
    while (this.writable && !this.over) {
      const injected = this.#injected.shift();
      if (injected !== undefined) {
        const byteCount = injected.length;
        this.send(stream, injected, false);
        injector.sent(byteCount);
        continue;
      }
      if (injector.busy) return;
      if (!body.drained && !injector.mayPush(body.nextBytes)) return;
      const chunk = body.next();
      if (chunk === undefined) break;
      injector.push(chunk);
    }
    this.sentAll(stream);
  }

  onInjected(framed: Uint8Array): void {
    for (let at = 0; at < framed.length; at += SLICE_BYTES_MAX) this.#injected.push(framed.subarray(at, at + SLICE_BYTES_MAX));
  }

  onInjectorIdle(): void {
    if (!this.over) this.pump();
  }

  onInjectionFailed(error: MeshError): void {
    if (!this.over) this.#refuse(error);
  }

  protected override evidenceOfStatus(code: number, message: string): Evidence {
    return { kind: 'runtime-status', code, message };
  }

  #wait(): void {
    const { plane, slot } = this;
    if (this.#askedMs === undefined) return;
    this.#waitedMs = durationMs(plane.clock.monotonicMs() - this.#askedMs);
    this.#askedMs = undefined;
    plane.counters.waited(plane.worker, slot, this.#waitedMs);
    plane.metrics.queued?.(this.#waitedMs, this.owner.plan.model);
  }

  protected override left(code: number, tookMs: DurationMs): void {
    this.#injector?.abandon();
    const { method, model, log, shadow = false } = this.owner.plan;
    const { plane } = this;
    if (this.#turn === 'awaited') {
      this.#wait();
      plane.gates.giveUp(this.slot, this);
    }
    const { slot } = this;
    if (shadow) {
      if (plane.counters.leaveShadow(plane.worker, slot)) plane.link.send({ kind: 'drained', slot });
    } else {
      const ranMs = durationMs(Math.max(0, tookMs - this.#waitedMs));
      const last = plane.counters.leave(plane.worker, slot, code === GRPC_CODE.OK, ranMs);
      if (last) plane.link.send({ kind: 'drained', slot });
      plane.copies.tookHere(model, tookMs);
      plane.metrics.attempt(method, code, ranMs, model, log);
    }
    const held = this.#turn === 'running';
    this.#turn = 'none';
    if (held) plane.gates.leave(slot);
  }

  #refuse(error: MeshError): void {
    this.refuse(error, errorMapping(error.kind).grpc);
  }
}
