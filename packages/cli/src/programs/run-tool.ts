import { MeshError, type MeshErrorKind } from '@modelmesh/core';
import type { Cli } from '../cli.ts';
import { exitCodeOf } from '../exit-code.ts';
import { progressLine, styled } from '../output/index.ts';
import { programPath } from './programs.ts';

/** A line of a program that reports: an object with what happened in `event`. */
export interface ToolReport {
  readonly event: string;
  readonly [field: string]: unknown;
}

const REGISTRY_TOOL = '@modelmesh/mesh/registry-tool';

/**
 * Runs the program behind `mmesh registry` and `mmesh migrate`: shows its progress, gives its other reports to `take`, and makes its failure what
 * the run ends with. @returns whether it ended well
 */
export async function runRegistryTool(cli: Cli, args: readonly string[], take: (report: ToolReport) => void): Promise<boolean> {
  const { world } = cli;
  const { node, env, err } = world;
  const command = { program: node.program, args: [...node.args, programPath(REGISTRY_TOOL), ...args], env };
  const progress = progressLine(world);
  let failure: MeshError | undefined;
  const code = await world.run(command, (line) => {
    const report = parseReport(line);
    if (report === undefined) return;
    if (report.event === 'progress') progress.show(progressText(report));
    else progress.clear();
    if (report.event === 'failed') failure = new MeshError(report.kind as MeshErrorKind, String(report.message));
    else if (report.event !== 'progress') take(report);
  });
  progress.clear();
  if (code === 0) return true;
  if (world.interrupted.aborted) {
    cli.exitCode = exitCodeOf('cancelled');
    return false;
  }
  const { kind, message } = failure ?? new MeshError('internal', `the program ended with ${code} before it was done`);
  cli.exitCode = exitCodeOf(kind);
  err.write(`${styled(err, 'red', 'error:')} ${message}\n`);
  return false;
}

function progressText({ what, done, total }: ToolReport): string {
  return typeof total === 'number' ? `${what} ${done} of ${total} records` : `${what} ${done} records`;
}

function parseReport(line: string): ToolReport | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string'
      ? (value as ToolReport)
      : undefined;
  } catch {
    // Not a report: what else the program may say is on its error output, which is ours.
    return undefined;
  }
}
