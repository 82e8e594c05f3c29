import { durationMs, sleep } from '@modelmesh/core';
import type { ClusterProcess } from '../cluster-process/index.ts';
import { judged, type Table } from '../figures/index.ts';
import { realClock } from '../node-process/index.ts';
import { Callers, type SeenAnswer } from './callers.ts';
import { edit, makeVariants, VARIANTS } from './endpoint.ts';

/** How an endpoint is edited under load. */
export interface EditsSize {
  readonly clients: number;
  readonly seconds: number;
}

/** What was seen. */
export interface EditFigures {
  readonly edits: number;
  readonly calls: number;
  readonly failed: readonly string[];
  /** Answers by a revision that was replaced by one that had been acknowledged before the call was sent. */
  readonly outdated: readonly SeenAnswer[];
  /** Answers of another model than that of the variant that they name. */
  readonly misrouted: number;
  /** Edits that not all nodes acknowledged. */
  readonly unacknowledged: readonly string[];
  /** Revisions that any answer came by. */
  readonly revisionsSeen: number;
  /** Time from an edit to its acknowledgement by all nodes, in milliseconds. */
  readonly acknowledgedMs: readonly number[];
}

interface MadeEdit {
  readonly revision: number;
  /** When its answer was read, so that everything sent later must be answered by it or a later one. */
  readonly knownMs: number;
}

const PERIOD_MS = durationMs(1000);

/** Edits the endpoint once a second, each time at another node and with other weights, while clients call it at all nodes. */
export async function runEdits(cluster: ClusterProcess, { clients, seconds }: EditsSize): Promise<EditFigures> {
  const [first] = cluster.nodes;
  if (first === undefined) throw new Error('the cluster has no node');
  await makeVariants(cluster.nodes);
  await edit(first, [1, 1, 1]);
  const made: MadeEdit[] = [];
  const unacknowledged: string[] = [];
  const acknowledgedMs: number[] = [];
  const callers = new Callers(
    clients,
    cluster.nodes.map(({ process }) => process.addresses.inference),
  );
  const beganMs = performance.now();
  try {
    for (let second = 0; second < seconds; second++) {
      const askedMs = performance.now();
      const weights = VARIANTS.map((_, at) => ((second + at) * 37) % 100);
      const { revision, missing } = await edit(cluster.node(second % cluster.nodes.length), weights);
      const knownMs = performance.now();
      acknowledgedMs.push(knownMs - askedMs);
      if (missing.length === 0) made.push({ revision, knownMs });
      else unacknowledged.push(missing.map(({ instance, why }) => `revision ${revision}: ${instance}: ${why}`).join('; '));
      const restMs = beganMs + (second + 1) * PERIOD_MS - performance.now();
      if (restMs > 0) await sleep(realClock, durationMs(restMs), new AbortController().signal);
    }
  } finally {
    await callers[Symbol.asyncDispose]();
  }
  const { seen, failed } = callers;
  return {
    edits: made.length + unacknowledged.length,
    calls: seen.length,
    failed,
    outdated: outdatedOf(seen, made),
    misrouted: seen.filter(({ isRight }) => !isRight).length,
    unacknowledged,
    revisionsSeen: new Set(seen.map(({ revision }) => revision)).size,
    acknowledgedMs,
  };
}

/** Answers by an older revision than the newest that was known to run everywhere when the call was sent. */
export function outdatedOf(seen: readonly SeenAnswer[], made: readonly MadeEdit[]): readonly SeenAnswer[] {
  const byTime = made.toSorted((a, b) => a.knownMs - b.knownMs);
  return seen.filter(({ sentMs, revision }) => {
    const newest = byTime.findLast(({ knownMs }) => knownMs <= sentMs);
    return newest !== undefined && revision < newest.revision;
  });
}

/** Whether everything held. */
export const editsHold = (figures: EditFigures): boolean => checks(figures).every(([, , holds]) => holds);

const checks = (figures: EditFigures): readonly (readonly [what: string, seen: string, holds: boolean])[] => {
  const { calls, edits, failed, outdated, misrouted, unacknowledged, revisionsSeen, acknowledgedMs } = figures;
  const slowestMs = Math.max(0, ...acknowledgedMs);
  const sorted = acknowledgedMs.toSorted((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return [
    ['calls', String(calls), calls > 0],
    ['calls that failed', `${failed.length}${failed.length === 0 ? '' : `, the first: ${failed[0]}`}`, failed.length === 0],
    ['edits', String(edits), edits > 0],
    [
      'edits that not all nodes acknowledged',
      `${unacknowledged.length} ${unacknowledged[0] ?? ''}`.trim(),
      unacknowledged.length === 0,
    ],
    ['revisions that answers came by', String(revisionsSeen), revisionsSeen >= edits / 2],
    ['answers by an old revision after its successor was acknowledged', String(outdated.length), outdated.length === 0],
    ['answers of a model that is not the variant’s', String(misrouted), misrouted === 0],
    ['from an edit to its acknowledgement', `${medianMs.toFixed(0)} ms, at most ${slowestMs.toFixed(0)} ms`, true],
  ];
};

/** The figures as a table. */
export const editsTable = (figures: EditFigures): Table => ({
  title: 'an endpoint that is edited once a second under load',
  columns: ['what', 'seen'],
  rows: checks(figures).map(([what, seen, holds]) => [what, judged(seen, holds)]),
});
