import { assertNever } from '../assert.ts';
import type { CacheDecision, EvictionCause } from '../cache/index.ts';
import { bytesForUnits, type InstanceId, type SizeUnits } from '../units.ts';
import type { DecisionBody } from './decision-record.ts';

/** A decision of an instance's cache as a record. Its details are the decision itself: `decision` is the kind that the cache gave it. */
export function cacheRecord(decision: CacheDecision, instance: InstanceId): DecisionBody {
  const { kind, atMs, model: about, ...details } = decision;
  const model = about === '' ? null : about;
  const record = { atMs, model, instance, because: because(decision), details: { decision: kind, ...details } };
  switch (decision.kind) {
    case 'evict':
      return { ...record, kind: 'eviction', models: decision.victims.map((victim) => victim.model) };
    case 'refuse':
    case 'hold':
      return { ...record, kind: 'refusal' };
    case 'overdraft':
    case 'recycle':
      return { ...record, kind: 'runtime' };
    default:
      return assertNever(decision);
  }
}

function because(decision: CacheDecision): string {
  switch (decision.kind) {
    case 'evict': {
      const { victims, neededUnits } = decision;
      const who = victims.length === 1 ? `${victims[0]?.model} goes` : `${victims.length} models go`;
      return `${who}, since ${mib(neededUnits)} had to come free: ${causeText(decision.cause, decision.model)}`;
    }
    case 'refuse':
      return decision.because;
    case 'hold':
      return `waits for ${mib(decision.neededUnits)}: the ${decision.awaitedCopies} copies that could go are awaited by calls themselves`;
    case 'overdraft':
      return `measured ${mib(decision.overdraftUnits)} above what there is, and nothing that could go is left`;
    case 'recycle':
      return decision.because;
    default:
      return assertNever(decision);
  }
}

function causeText(cause: EvictionCause, model: string): string {
  switch (cause) {
    case 'new-copy':
      return `${model} is to be loaded`;
    case 'others-drain':
      return `${model} waits, and what was to make room for it still serves long calls`;
    case 'larger-than-booked':
      return `${model} was measured larger than it was booked`;
    case 'capacity-shrank':
      return 'an unload was given up, and its memory is lost';
    default:
      return assertNever(cause);
  }
}

const mib = (units: SizeUnits): string => `${(bytesForUnits(units) / 2 ** 20).toFixed(1)} MiB`;
