import { type Clock, type ModelKey, type MonotonicMs, monotonicMs, type Random, toMeshError } from '@modelmesh/core';
import {
  type AnswerPair,
  COMPARERS,
  type Comparer,
  type Comparison,
  compareAnswers,
  DiffBook,
  type MirrorRef,
  type ShadowDrop,
  statusOf,
} from '@modelmesh/core/traffic';
import { type HeaderRecipe, headerRecipe } from '@modelmesh/grpc/stream';
import { HEADER, runtimeIdHeaders } from '@modelmesh/wire/headers';
import {
  ByteBudget,
  type CallMirror,
  type CallPlan,
  type CallRecording,
  type Plane,
  type ShadowOutcome,
  type ShadowTap,
} from '../call/index.ts';
import { hasTensors, messagesOf } from './answer-messages.ts';
import { GuardedComparers } from './guarded-comparers.ts';
import type { ShadowLimits } from './limits.ts';
import { type RecordedAnswer, Recording, type RecordingParts } from './recording.ts';
import { ShadowCall } from './shadow-call.ts';
import { Turns } from './turns.ts';

/** So long no copy of a model is asked for, after none could be had: asking takes control's time. */
export const NO_COPY_PAUSE_MS = 5000;
/** Models of which that is remembered; beyond, the one that was found first is asked for again. */
export const NO_COPY_MODELS_MAX = 1024;

/** A live call that is over, and one of its shadows. */
interface Job {
  readonly recording: Recording;
  readonly live: RecordedAnswer;
  readonly mirror: CallMirror;
}

/** What the shadows of a worker need. */
export interface ShadowsParts {
  readonly plane: Plane;
  readonly random: Random;
  readonly limits: ShadowLimits;
  /** Comparers of plug-ins, by name; those of the core are always there. */
  readonly comparers: ReadonlyMap<string, Comparer>;
}

/**
 * All that one worker does for shadows, in the time that live calls leave: takes copies of calls, repeats them at shadows when the live call is
 * over, a few at a time, compares the answers one pair a turn, and keeps what comes of it.
 */
export class Shadows implements ShadowTap {
  readonly book: DiffBook;
  readonly #plane: Plane;
  readonly #comparers: GuardedComparers;
  readonly #budget: ByteBudget;
  readonly #clock: Clock;
  readonly #queue: Job[] = [];
  readonly #running = new Set<ShadowCall>();
  /** Models of which no copy could be had, until when, and why. */
  readonly #noCopy = new Map<ModelKey, { readonly untilMs: MonotonicMs; readonly cause: ShadowDrop }>();
  readonly #recipes = new Map<ModelKey, HeaderRecipe>();
  readonly #turns = new Turns();
  #limits: ShadowLimits;
  /** Shadows that run or are being compared. */
  #busy = 0;
  #scheduled = false;
  #closed = false;

  constructor({ plane, random, limits, comparers }: ShadowsParts) {
    this.book = new DiffBook(random);
    this.#plane = plane;
    this.#clock = plane.clock;
    this.#limits = limits;
    this.#comparers = new GuardedComparers(comparers, plane.clock);
    this.#budget = new ByteBudget(limits.bytesMax);
  }

  /** Bytes that are kept for shadows now. */
  get bytes(): number {
    return this.#budget.used;
  }

  /** Calls that wait for their shadow, and shadows that run or are being compared. */
  get pending(): number {
    return this.#queue.length + this.#busy;
  }

  /** Other bounds for what comes from now on. */
  setLimits(limits: ShadowLimits): void {
    this.#limits = limits;
    this.#budget.setMax(limits.bytesMax);
  }

  /** Nothing more begins, and what runs is given up. */
  close(): void {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) {
      this.#dropJob(job, 'closing');
      job.recording.release();
    }
    for (const call of [...this.#running]) call.abandon();
  }

  record(plan: CallPlan): CallRecording | undefined {
    if (plan.mirrors === undefined || plan.mirrors.length === 0 || plan.endpoint === null || this.#closed) return undefined;
    return new Recording(plan, this.#recordingParts());
  }

  #recordingParts(): RecordingParts {
    return {
      budget: this.#budget,
      bytesMax: this.#limits.callBytesMax,
      clock: this.#clock,
      onRecorded: (recording, live) => this.#enqueue(recording, live),
      onDropped: (plan, cause) => {
        for (const mirror of plan.mirrors ?? []) this.#drop(plan, mirror, cause);
      },
    };
  }

  #enqueue(recording: Recording, live: RecordedAnswer): void {
    for (const mirror of recording.plan.mirrors ?? []) {
      const cause = this.#refusal(mirror.model);
      if (cause !== null) {
        this.#drop(recording.plan, mirror, cause);
        continue;
      }
      recording.hold();
      this.#queue.push({ recording, live, mirror });
    }
    this.#schedule();
  }

  #refusal(model: ModelKey): ShadowDrop | null {
    if (this.#closed) return 'closing';
    const paused = this.#noCopy.get(model);
    if (paused !== undefined && paused.untilMs > this.#clock.monotonicMs() && this.#plane.routes.model(model)?.local == null)
      return paused.cause;
    return this.#queue.length >= this.#limits.queuedMax ? 'queue-full' : null;
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0 || this.#busy >= this.#limits.concurrencyMax) return;
    this.#scheduled = true;
    this.#turns.add(() => {
      this.#scheduled = false;
      const job = this.#busy < this.#limits.concurrencyMax ? this.#queue.shift() : undefined;
      if (job !== undefined) this.#begin(job);
      this.#schedule();
    });
  }

  #begin(job: Job): void {
    const { recording, mirror } = job;
    const { callBytesMax: answerBytesMax, timeoutMs } = this.#limits;
    this.#busy += 1;
    const call: ShadowCall = new ShadowCall(this.#plane, this.#planOf(recording.plan, mirror), {
      request: recording.requestChunks,
      budget: this.#budget,
      answerBytesMax,
      timeoutMs,
      onEnded: (answer) => {
        this.#running.delete(call);
        this.#turns.add(() => void this.#compare(job, answer, call));
      },
      onDropped: (cause) => {
        this.#running.delete(call);
        if (cause === 'no-free-room' || cause === 'no-model') this.#pause(mirror.model, cause);
        this.#dropJob(job, cause);
        this.#finish(job);
      },
    });
    this.#running.add(call);
    call.start();
  }

  #planOf(plan: CallPlan, { model, variant }: CallMirror): CallPlan {
    const { method, endpoint, headers, encoding, origin } = plan;
    return {
      ...{ method, model, encoding, origin, deadline: null, deadlineIsDefault: false },
      endpoint: endpoint === null ? null : { id: endpoint.id, revision: endpoint.revision, variant },
      headers: headers.derive(this.#recipeOf(model)),
      callRetry: 'never',
      balanced: false,
      shadow: true,
    };
  }

  /** The block of the live call with the shadow's key. */
  #recipeOf(model: ModelKey): HeaderRecipe {
    let recipe = this.#recipes.get(model);
    if (recipe === undefined) {
      const back = runtimeIdHeaders(model);
      recipe = headerRecipe({ drops: (name) => MODEL_HEADERS.has(name), back });
      forgetOldest(this.#recipes);
      this.#recipes.set(model, recipe);
    }
    return recipe;
  }

  async #compare(job: Job, answer: RecordedAnswer, call: ShadowCall): Promise<void> {
    const { recording, live, mirror } = job;
    const { plan } = recording;
    let comparison: Comparison | null = null;
    let incomparable: string | null = null;
    if (live.code === 0 && answer.code === 0) {
      try {
        comparison = await this.#comparisonOf(plan.method, mirror, live, answer);
      } catch (error) {
        incomparable = toMeshError(error).message;
      }
    }
    const pair = { live: endOf(live), shadow: endOf(answer), comparison, incomparable };
    const { segment } = mirror;
    this.book.add(refOf(plan, mirror), pair, { segment, requestId: plan.origin.requestId, atMs: this.#clock.wallMs() });
    this.#tell(plan, mirror, outcomeOf(pair));
    call.release();
    this.#finish(job);
  }

  async #comparisonOf(method: string, mirror: CallMirror, live: RecordedAnswer, shadow: RecordedAnswer): Promise<Comparison> {
    const { messageBytesMax: outputBytesMax, inflateRatioMax: ratioMax } = this.#plane.limits;
    const limits = { outputBytesMax, ratioMax };
    const [ours, theirs] = [await messagesOf(method, live, limits), await messagesOf(method, shadow, limits)];
    const { comparer: name } = mirror.compare;
    // What holds no tensors can be compared all the same, byte for byte.
    const comparer = name === COMPARERS.tensors.name && !hasTensors(method) ? COMPARERS.bytes : this.#comparers.of(name);
    return compareAnswers(ours, theirs, mirror.compare, comparer);
  }

  #finish({ recording }: Job): void {
    recording.release();
    this.#busy -= 1;
    this.#schedule();
  }

  #pause(model: ModelKey, cause: ShadowDrop): void {
    forgetOldest(this.#noCopy);
    this.#noCopy.delete(model);
    this.#noCopy.set(model, { untilMs: monotonicMs(this.#clock.monotonicMs() + NO_COPY_PAUSE_MS), cause });
  }

  #dropJob({ recording, mirror }: Job, cause: ShadowDrop): void {
    this.#drop(recording.plan, mirror, cause);
  }

  #drop(plan: CallPlan, mirror: CallMirror, cause: ShadowDrop): void {
    this.book.drop(refOf(plan, mirror), mirror.segment, cause);
    this.#tell(plan, mirror, `dropped-${cause}`);
  }

  #tell({ endpoint }: CallPlan, { variant }: CallMirror, outcome: ShadowOutcome): void {
    if (endpoint !== null) this.#plane.metrics.shadow?.({ endpoint: endpoint.id, mirror: variant, outcome });
  }
}

const MODEL_HEADERS: ReadonlySet<string> = new Set([HEADER.modelId, `${HEADER.modelId}-bin`]);

/** Makes room for one more. */
function forgetOldest(map: Map<ModelKey, unknown>): void {
  if (map.size < NO_COPY_MODELS_MAX) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

const endOf = ({ code, tookMs }: RecordedAnswer) => ({ code, tookMs });

function refOf({ endpoint }: CallPlan, { variant }: CallMirror): MirrorRef {
  // Only calls that came through an endpoint are recorded.
  if (endpoint === null) throw new Error('a call without an endpoint has no mirror');
  return { endpoint: endpoint.id, revision: endpoint.revision, mirror: variant };
}

function outcomeOf(pair: AnswerPair): ShadowOutcome {
  const status = statusOf(pair);
  if (status !== 'both-ok') return status;
  if (pair.comparison === null) return 'incomparable';
  if (pair.comparison.flips > 0) return 'flip';
  return pair.comparison.equal ? 'equal' : 'differs';
}
