/** The door of the room: real nodes and runtimes as child processes, for suites and measurements. */
export { freeFolder } from './free-folder.ts';
export { CLIENT_MESSAGE_BYTES_MAX, connectGrpc, type GrpcConnection } from './grpc-connection.ts';
export { type NodeAddresses, NodeProcess, type NodeProcessOptions, splitAddress, startNodeProgram } from './node-process.ts';
export { LOG_LINES_MAX, type LogLine, type ProcessEnd, Program, type ProgramOptions } from './program.ts';
export { programEnvironment } from './program-environment.ts';
export { realClock } from './real-clock.ts';
export { RuntimeProcess, type RuntimeProcessOptions } from './runtime-process.ts';
export { parseScrape, type Scrape, scrape } from './scrape.ts';
export { serveRuntime } from './serve-runtime.ts';
