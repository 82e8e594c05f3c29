import { MeshError, toMeshError } from '@modelmesh/core';
import type { Cli } from './cli.ts';
import { exitCodeOf, nextStepOf } from './exit-code.ts';
import { styled } from './output/index.ts';

/** An error of the command line itself, whose sentence says what to do: the hint for its kind would be about a node. */
export class AdvisedError extends MeshError {}

/** Tells an error and what to do about it, and makes it what the run ends with. `subject` names what it was about. */
export function fail(cli: Cli, thrown: unknown, subject?: string): void {
  const { err, interrupted } = cli.world;
  const error = toMeshError(thrown);
  cli.exitCode = exitCodeOf(interrupted.aborted ? 'cancelled' : error.kind);
  if (interrupted.aborted) return;
  // An error of our own code has no text for others; here the person in front of it is the one who can report it.
  const text = error.kind === 'internal' && error.cause instanceof Error ? String(error.cause) : error.message;
  err.write(`${styled(err, 'red', 'error:')} ${subject === undefined ? '' : `${subject}: `}${text}\n`);
  const next = error instanceof AdvisedError ? undefined : nextStepOf(error.kind);
  if (next !== undefined) err.write(`${styled(err, 'dim', next)}\n`);
}

/** Tells something worth knowing that is no error. */
export function warn({ world: { err } }: Cli, text: string): void {
  err.write(`${styled(err, 'yellow', 'warning:')} ${text}\n`);
}
