/** What became of the calls of a load, and which failures the rules of repetition except. */
import { LatencyHistogram } from '../figures/index.ts';

/** What a call of the load is. */
export type CallKind =
  | 'unary'
  /** Unary, with `mm-retry: never`. */
  | 'never'
  /** Two messages, which cannot be sent again. */
  | 'stream'
  | 'rest';

/** How a call failed. */
export interface Failure {
  /** The client's own connection was lost or never made: no node said anything. */
  readonly isConnection: boolean;
  /** Status and sentence as the client has them. */
  readonly text: string;
  /** Of the node it entered at, host:port, where the client knows. */
  readonly entry: string | undefined;
}

/** A failure that may be: design, *Attempts*, or the client's connection to a node that is gone. */
export type Exception =
  /** A stream, or a request that was too long to keep. */
  | 'not replayable'
  | 'retry: never'
  /** Its first message was given to the client, the end had not come. */
  | 'a response had begun'
  /** The connection of the client ended with its node, and no second one was allowed for its call. */
  | 'entry lost'
  /** Nobody had the model yet, and while the registry is away none is loaded for the first time, which is said at once. */
  | 'first call without registry'
  /** It entered at a node that reaches neither etcd nor any other node, for a model that this node has no copy of. No rule of repetition helps it. */
  | 'no copy within reach';

/** What a scenario lets pass. */
export interface Allowance {
  /** Whatever ends says goodbye and finishes what it has: nothing may fail, whether or not it may be repeated. */
  readonly endsInPeace: boolean;
  /** Entry nodes go without a word, so that calls on the clients' connections to them are lost. */
  readonly entryMayBeLost: boolean;
  /** The registry goes, from all nodes or from one. */
  readonly registryMayBeAway: boolean;
  /** host:port of a node that reaches clients alone. */
  readonly cutOffEntry: string | undefined;
}

/** A call as far as its failure is judged by it. */
export interface MadeCall {
  readonly kind: CallKind;
  /** Its model had no copy when the load began. */
  readonly toCold: boolean;
}

const NO_FIRST_LOAD = /^(UNAVAILABLE|503): .*the registry cannot be reached, and a model without a copy/;
/** What a node says that has no copy itself and reaches none; the second of calls that were under way when it was cut off. */
const OUT_OF_REACH = /^(UNAVAILABLE|503): .*(the registry cannot be reached|there is no other copy or instance to try)/;

/** Why the failure may be; `undefined`: it must not be. */
export function exceptionOf({ kind, toCold }: MadeCall, failure: Failure, allowance: Allowance): Exception | undefined {
  if (allowance.endsInPeace) return undefined;
  const { text, isConnection, entry } = failure;
  if (isConnection) return allowance.entryMayBeLost ? 'entry lost' : undefined;
  if (allowance.cutOffEntry !== undefined && entry === allowance.cutOffEntry && OUT_OF_REACH.test(text))
    return 'no copy within reach';
  if (allowance.registryMayBeAway && toCold && NO_FIRST_LOAD.test(text)) return 'first call without registry';
  if (kind === 'stream' && /is too long, or a stream, and was not kept/.test(text)) return 'not replayable';
  if (kind === 'never' && /mm-retry: never/.test(text)) return 'retry: never';
  if (/part of the answer was already sent/.test(text)) return 'a response had begun';
  return undefined;
}

/** Failures that are told apart; further ones are counted as `other`. */
const FAILURES_MAX = 40;

/** Counts what became of the calls. */
export class Tally {
  readonly latency = new LatencyHistogram();
  readonly byKind: Record<CallKind, number> = { unary: 0, never: 0, stream: 0, rest: 0 };
  readonly excepted = new Map<Exception, number>();
  /** What must not be, by status and sentence. */
  readonly unexpected = new Map<string, number>();
  wrong = 0;
  /** Calls that were answered on the second connection, because the first was lost under them. */
  reconnected = 0;
  /** The longest time in which no call was answered, in milliseconds. */
  longestSilenceMs = 0;
  #answeredMs = performance.now();

  /** Calls that ended, however. */
  get calls(): number {
    return this.latency.count + this.wrong + sum(this.excepted) + sum(this.unexpected);
  }

  get unexpectedCount(): number {
    return sum(this.unexpected);
  }

  answered(kind: CallKind, tookMs: number): void {
    const nowMs = performance.now();
    this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#answeredMs);
    this.#answeredMs = nowMs;
    this.byKind[kind] += 1;
    this.latency.recordMs(tookMs);
  }

  failed(call: MadeCall, failure: Failure, allowance: Allowance): void {
    const exception = exceptionOf(call, failure, allowance);
    if (exception !== undefined) this.excepted.set(exception, (this.excepted.get(exception) ?? 0) + 1);
    else
      count(
        this.unexpected,
        `${call.kind}${call.toCold ? ' to a cold model' : ''}: ${failure.text.replaceAll(/\b(one|two|cold)(-\d+)+\b/g, '$1-N').replaceAll(/127\.0\.0\.1:\d+/g, 'NODE')}`,
      );
  }
}

function count(counts: Map<string, number>, what: string): void {
  const name = counts.has(what) || counts.size < FAILURES_MAX ? what : 'other';
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

const sum = (counts: ReadonlyMap<unknown, number>): number => [...counts.values()].reduce((total, each) => total + each, 0);
