import type { NodeProcess } from '../node-process/index.ts';
import { eventually } from './eventually.ts';

/** Lines of the node's log with this event. */
export const countOf = (node: NodeProcess, event: string): number =>
  node.program.log.filter((line) => line.event === event).length;

/** Kills the runtime and resolves when the node has noticed. */
export async function killRuntime(node: NodeProcess): Promise<void> {
  const lost = countOf(node, 'runtime-lost');
  process.kill(node.runtimePid, 'SIGKILL');
  await eventually('the node misses its runtime', 5000, () => (countOf(node, 'runtime-lost') > lost ? true : undefined));
}
