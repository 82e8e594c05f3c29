import { isVersion } from '../../identity/index.ts';
import {
  type ComparePolicy,
  type FallbackCause,
  type FallbackPolicy,
  type MirrorPolicy,
  type StrategyPolicy,
  type Variant,
  type VersionKeeping,
  WEIGHTED,
} from '../../records/index.ts';
import type { FieldReader } from '../field-reader.ts';
import { parseDuration } from '../quantity.ts';
import { POLICY_NAME, type VariantNames } from './names.ts';

/** Most shadows of an endpoint. */
export const MIRRORS_MAX = 8;

/** Most of the highest elements that are compared as a set. */
export const TOP_K_MAX = 1000;

/** Most versions of a family that an endpoint keeps by name. */
export const VERSIONS_KEPT_MAX = 64;

/** Highest number of newest versions that an endpoint keeps. */
export const LATEST_KEPT_MAX = 1000;

/** Longest time that a variant has before its fallback is asked. */
const FALLBACK_TIMEOUT_MAX_MS = 3_600_000;

/** Differences of single-precision arithmetic stay below this. */
const TOLERANCE_DEFAULT = 1e-5;

const CAUSES: readonly FallbackCause[] = ['error', 'timeout', 'overloaded'];
const DEFAULT_CAUSES: readonly FallbackCause[] = ['error', 'timeout'];
const KEEPING = ['all', 'latest', 'specific'] as const;

/** Reads who chooses among the variants; whether somebody of that name exists is known where it runs. */
export function readStrategy(spec: FieldReader): StrategyPolicy {
  const reader = spec.object('strategy');
  if (reader === undefined) return WEIGHTED;
  const name = reader.requiredText('name', POLICY_NAME) ?? WEIGHTED.name;
  const config = reader.json('config') ?? {};
  if (name === 'sticky' && !spec.has('sticky'))
    reader.problem('name', 'another strategy, or sticky beside it, which says by what');
  reader.close();
  return { name, config };
}

/** Reads the shadows. */
export function readMirrors(spec: FieldReader, names: VariantNames, variants: readonly Variant[]): readonly MirrorPolicy[] {
  const weighted = variants.filter(({ weight }) => weight > 0);
  const seen = new Set<string>();
  return spec.objects('mirror', MIRRORS_MAX).flatMap((reader) => {
    const to = names.readRequired(reader, 'to');
    const percent = reader.number('percent', { min: 0, max: 100 }) ?? 100;
    const compare = readCompare(reader.object('compare'));
    reader.close();
    if (to === undefined) return [];
    if (seen.has(to)) reader.problem('to', 'a variant that is not a shadow already: each gets one mirror');
    seen.add(to);
    if (weighted.length === 1 && weighted[0]?.name === to) {
      reader.problem('to', 'a variant other than the only one with a weight, which answers those calls itself');
    }
    return [{ to, percent, compare }];
  });
}

function readCompare(reader: FieldReader | undefined): ComparePolicy {
  const compare: ComparePolicy = {
    tolerance: reader?.amount('tolerance') ?? TOLERANCE_DEFAULT,
    topK: reader?.integer('topK', { min: 0, max: TOP_K_MAX }) ?? 0,
    output: reader?.text('output') ?? null,
    segment: reader?.text('segment') ?? null,
    comparer: reader?.text('comparer', POLICY_NAME) ?? 'tensors',
  };
  reader?.close();
  return compare;
}

/** Reads which variant answers where another cannot. */
export function readFallback(spec: FieldReader, names: VariantNames, variants: readonly Variant[]): FallbackPolicy | null {
  const reader = spec.object('fallback');
  if (reader === undefined) return null;
  const on = readCauses(reader);
  const to = names.readRequired(reader, 'to');
  const timeoutMs = reader.parsed('timeout', parseTimeout, 'a duration of more than nothing and at most 1h, for instance 200ms');
  if (reader.has('timeout') && !on.includes('timeout')) reader.problem('timeout', 'nothing: on does not list timeout');
  reader.close();
  if (to === undefined) return null;
  if (variants.length === 1 && variants[0]?.name === to) {
    reader.problem('to', 'another variant: this one is the only one, and would fall back to itself');
  }
  return { on, to, timeoutMs: timeoutMs ?? null };
}

/** Each cause once, in one order, so that equal policies are alike. An empty list: only for models that cannot be loaded. */
function readCauses(reader: FieldReader): readonly FallbackCause[] {
  const items = reader.list('on', CAUSES.length);
  const isCause = (value: unknown): value is FallbackCause => CAUSES.some((cause) => cause === value);
  for (const { value, path } of items) {
    if (!isCause(value)) reader.problemAt(path, value, `one of ${CAUSES.join(', ')}`);
  }
  if (!reader.has('on')) return DEFAULT_CAUSES;
  return CAUSES.filter((cause) => items.some(({ value }) => value === cause));
}

const parseTimeout = (text: string) => {
  const ms = parseDuration(text);
  return ms === undefined || ms === 0 || ms > FALLBACK_TIMEOUT_MAX_MS ? undefined : ms;
};

/** Reads which versions stay loadable. */
export function readVersions(spec: FieldReader): VersionKeeping {
  const reader = spec.object('versions');
  if (reader === undefined) return { kind: 'all' };
  const keep = reader.oneOf('keep', KEEPING);
  if (!reader.has('keep')) reader.problem('keep', `one of ${KEEPING.join(', ')}`);
  const count = reader.integer('count', { min: 1, max: LATEST_KEPT_MAX });
  const versions = readVersionNames(reader);
  if (keep === 'latest' && !reader.has('count')) reader.problem('count', 'how many of the newest versions are kept');
  if (keep !== undefined && keep !== 'latest' && reader.has('count')) reader.problem('count', `nothing: keep is ${keep}`);
  if (keep === 'specific' && reader.isEmptyList('names')) reader.problem('names', 'a list of the versions that are kept');
  if (keep !== undefined && keep !== 'specific' && reader.has('names')) reader.problem('names', `nothing: keep is ${keep}`);
  reader.close();
  if (keep === 'latest' && count !== undefined) return { kind: 'latest', count };
  return keep === 'specific' ? { kind: 'specific', versions } : { kind: 'all' };
}

function readVersionNames(reader: FieldReader): readonly string[] {
  const versions = new Set<string>();
  for (const { value, path } of reader.list('names', VERSIONS_KEPT_MAX)) {
    if (typeof value === 'string' && isVersion(value)) versions.add(value);
    else reader.problemAt(path, value, 'a version of at most 63 letters, digits, dots, dashes and underscores, in quotes');
  }
  return [...versions];
}
