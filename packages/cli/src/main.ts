/** The command line's program. It alone reads the environment; what it ends with is in `exit-code.ts`. */
import { realWorld } from './real-world.ts';
import { runCli } from './run-cli.ts';

const world = realWorld(process.env);
process.exitCode = await runCli(process.argv.slice(2), world);
