import { EXIT, type ExitCode } from './exit-code.ts';
import type { CliWorld } from './world.ts';

/** One run of the command line: the world that commands act on, and what the run ends with. */
export class Cli {
  readonly world: CliWorld;
  /** The worst that happened. */
  exitCode: ExitCode = EXIT.done;

  constructor(world: CliWorld) {
    this.world = world;
  }
}
