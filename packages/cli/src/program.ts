import { Command } from 'commander';
import type { Cli } from './cli.ts';
import { addApply } from './commands/apply.ts';
import { addCluster } from './commands/cluster.ts';
import { addCompletion } from './commands/completion.ts';
import { addDelete } from './commands/delete.ts';
import { addDemo } from './commands/demo.ts';
import { addDescribe } from './commands/describe.ts';
import { addDiff } from './commands/diff.ts';
import { addEvents } from './commands/events.ts';
import { addExplain } from './commands/explain.ts';
import { addGet } from './commands/get.ts';
import { addHistory, addUndo } from './commands/history.ts';
import { addImport } from './commands/import.ts';
import { addInfer } from './commands/infer.ts';
import { addLoad, addUnload } from './commands/load.ts';
import { addMigrate } from './commands/migrate.ts';
import { addRegistry } from './commands/registry.ts';
import { addRoute } from './commands/route.ts';
import { addServe } from './commands/serve.ts';
import { addSimulate } from './commands/simulate.ts';
import { addStatus } from './commands/status.ts';
import { EXIT_MEANINGS } from './exit-code.ts';
import { SERVER_VARIABLE } from './session.ts';

/** Version of the command line, which is that of all packages. */
export const CLI_VERSION = '0.1.0';

/** The commands in the order in which people meet them. */
const COMMANDS = [
  addServe,
  addDemo,
  addApply,
  addGet,
  addDescribe,
  addExplain,
  addDiff,
  addRoute,
  addHistory,
  addUndo,
  addDelete,
  addInfer,
  addLoad,
  addUnload,
  addStatus,
  addEvents,
  addCluster,
  addRegistry,
  addMigrate,
  addImport,
  addSimulate,
  addCompletion,
];

/** The tree of commands. */
export function createProgram(cli: Cli): Command {
  const { out, err } = cli.world;
  const program = new Command('mmesh')
    .description('The command line of Model Mesh: runs nodes, and asks them over their public APIs.')
    .version(CLI_VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'tell what there is')
    .helpCommand('help [command]', 'tell about a command')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError('("mmesh help" lists the commands, "mmesh help COMMAND" tells about one)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      getOutHelpWidth: () => out.columns,
      getErrHelpWidth: () => err.columns,
      getOutHasColors: () => out.isTerminal,
      getErrHasColors: () => err.isTerminal,
    })
    .addHelpText('after', `\n${environmentText()}\n\n${exitCodesText()}`);
  for (const add of COMMANDS) add(program, cli);
  return program;
}

const environmentText = (): string => `Environment:\n  ${SERVER_VARIABLE}  node to ask, where --server does not name one`;

const exitCodesText = (): string =>
  ['Exit codes:', ...EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)].join('\n');
