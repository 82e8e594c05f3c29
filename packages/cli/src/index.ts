/** The door of the package: the command line as a function. Programs run `mmesh`; tests and tools run this. */
export { EXIT, type ExitCode } from './exit-code.ts';
export { runCli } from './run-cli.ts';
export type { Child, CliWorld, Command, TextSink } from './world.ts';
