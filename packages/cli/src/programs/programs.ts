import { MeshError } from '@modelmesh/core';
import { SERVER_VARIABLE } from '../session.ts';
import type { CliWorld, Command } from '../world.ts';

/** Where the node looks for the program of its embedded runtime. */
const RUNTIME_PROGRAM_VARIABLE = 'MESH_RUNTIME_PROGRAM';

/**
 * What Node itself is told when it runs a node; it cannot be told later. Half of the young generation may take 4 MiB: V8 lets it grow to 16 MiB and more,
 * and what a call left waits as long for a collection. Measured: 190 MiB resident instead of 235 while 20 000 models are registered, and an echo of 64 KiB
 * costs 3.8 times the CPU of the runtime alone instead of 5.5.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=4'];

/**
 * The file that starts a program of ours: `main` beside the door of its package, as sources in the repository and compiled where installed.
 *
 * @throws {MeshError} `not-found` if the package is not installed
 */
export function programPath(packageName: string): string {
  try {
    const door = new URL(import.meta.resolve(packageName));
    return decodeURIComponent(new URL(door.pathname.endsWith('.ts') ? './main.ts' : './main.js', door).pathname);
  } catch (cause) {
    throw new MeshError('not-found', `the package ${packageName} is not installed; install @modelmesh/cli anew`, { cause });
  }
}

/** The command that starts a node with these flags. The runtime's program is the one installed beside this one unless the environment says otherwise. */
export function nodeCommand({ node, env }: CliWorld, flags: readonly string[]): Command {
  const runtime = env[RUNTIME_PROGRAM_VARIABLE] ?? programPath('@modelmesh/runtime');
  return {
    program: node.program,
    args: [...node.args, ...NODE_FLAGS, programPath('@modelmesh/mesh'), ...flags],
    // A node refuses variables of its prefix that it does not know, and this one is ours.
    env: { ...env, [SERVER_VARIABLE]: undefined, [RUNTIME_PROGRAM_VARIABLE]: runtime },
  };
}
