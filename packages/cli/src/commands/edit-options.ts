import { type DurationMs, durationMs, MeshError } from '@modelmesh/core';
import { parseDuration } from '@modelmesh/core/manifest';
import type { AppliedView, ChangesView, EditOptions } from '@modelmesh/sdk/client';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { warn } from '../failure.ts';
import { styled, tableText } from '../output/index.ts';

/** What commands that edit an endpoint are given. */
export interface EditFlags {
  readonly dryRun?: boolean;
  /** `false`: not at all; `true`: as long as the node waits by itself. */
  readonly wait: DurationMs | boolean;
  readonly revision?: number;
}

/** The options of commands that edit an endpoint. */
export const withEdit = (command: Command): Command =>
  command
    .option('--dry-run', 'tell what would change for which share, and change nothing')
    .option('--wait <duration>', 'how long to wait until all nodes run the policy, for instance 30s; 10s unless given', waitTime)
    .option('--no-wait', 'do not wait for the nodes')
    .option(
      '--revision <number>',
      'apply only if this revision of the policy is in force; 0: only if there is none',
      revisionNumber,
    );

/** The flags as the node understands them. */
export const editOptions = ({ dryRun, wait, revision }: EditFlags): EditOptions => ({
  dryRun,
  waitMs: wait === false ? durationMs(0) : wait === true ? undefined : wait,
  revision,
});

function waitTime(text: string): DurationMs {
  const wait = parseDuration(text);
  if (wait === undefined || wait <= 0) throw new InvalidArgumentError('expected a length of time, for instance 30s or 2m');
  return wait;
}

/** The number of a revision, as an argument. */
export function revisionNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('expected the number of a revision');
  return Number(text);
}

/** What became of a manifest: a line, what changed where nothing was changed yet, and which nodes lag behind. */
export function printApplied(cli: Cli, { kind, name, change, edit }: AppliedView, dryRun: boolean): void {
  const { out } = cli.world;
  const style = change === 'unchanged' ? 'dim' : 'green';
  const would = dryRun && change !== 'unchanged' ? 'would be ' : '';
  const revision = !edit || change === 'unchanged' ? '' : ` (revision ${edit.revision})`;
  out.write(`${kind} ${name} ${styled(out, style, `${would}${change}`)}${revision}\n`);
  if (dryRun && edit && change !== 'unchanged') out.write(changesText(edit.changes));
}

/**
 * Says which nodes may still run the policy before.
 *
 * @throws {MeshError} `deadline-exceeded` where there are any: what was written stands, but not everywhere
 */
export function refuseMissing(cli: Cli, { name, edit }: AppliedView): void {
  // A node of an earlier version says nothing of edits.
  if (!edit || edit.missing.length === 0) return;
  for (const { instance, why } of edit.missing)
    warn(cli, `${instance} may still run the policy of ${name} before this one: ${why}`);
  const names = edit.missing.map(({ instance }) => instance).join(', ');
  throw new MeshError('deadline-exceeded', `revision ${edit.revision} of ${name} is written, and not known to run at ${names}`);
}

/** What an edit changes, for people. */
export function changesText(changes: ChangesView): string {
  const shares = tableText(
    [
      { title: 'VARIANT', cell: ({ name }) => name },
      { title: 'BEFORE', cell: ({ before }) => shareText(before) },
      { title: 'AFTER', cell: ({ after }) => shareText(after) },
    ],
    changes.variants,
  );
  const lines = changes.moved.map(({ from, to, percent }) => `${percentText(percent)} of the units move from ${from} to ${to}`);
  const listed = (what: string, names: readonly string[]): void => {
    if (names.length > 0) lines.push(`${what} ${names.join(', ')}`);
  };
  if (changes.moved.length === 0) lines.push(changes.movedPercent === 0 ? 'no unit moves' : 'all units are sorted anew');
  listed('rules added:', changes.rules.added);
  listed('rules removed:', changes.rules.removed);
  listed('rules changed:', changes.rules.changed);
  listed('other fields changed:', changes.fields);
  listed('models newly referred to:', changes.referenced);
  listed('models no longer referred to:', changes.unreferenced);
  return `${shares}${lines.map((line) => `${line}\n`).join('')}`;
}

const shareText = (share: ChangesView['variants'][number]['before']): string =>
  share === null ? '' : `${percentText(share.percent)} ${share.model}`;

/** `12.5 %`. */
export const percentText = (percent: number): string => `${Number(percent.toFixed(2))} %`;
