/**
 * The node: reads its configuration from flags, environment and file, starts, says where it listens, and ends on SIGTERM or Ctrl-C.
 *
 * Exit codes: 0 it ended as it was told, 1 it could not start or a part of it failed, 2 its configuration is wrong.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { MeshError, toMeshError } from '@modelmesh/core';
import { checkTlsFiles } from './certificates/index.ts';
import { checkConstraints } from './compose/index.ts';
import {
  CONFIG_FILE_VARIABLE,
  type ConfigResult,
  type ConfigSources,
  configProblemText,
  flagsHelp,
  LiveConfig,
  parseConfig,
  parseFlags,
} from './config/index.ts';
import { checkMethodRules } from './dataplane/index.ts';
import { makeFolder } from './files/index.ts';
import { checkEtcdFiles } from './kv/index.ts';
import { createLog, GatheredLines, type NodeLog } from './log/index.ts';
import { checkStaticModels, systemClock } from './node/index.ts';
import { type RunningNode, startNode } from './start-node.ts';
import { checkTokenKeys } from './tokens/index.ts';

const VERSION = '0.1.0';
const EXIT_FAILED = 1;
const EXIT_CONFIGURATION = 2;
/**
 * Half of the young generation of the embedded runtime's main thread. V8 lets it grow to 16 MiB and more under load, and buffers of calls wait as long for
 * a collection: memory that no model has. Measured: an echo of 64 KiB costs 0.19 ms of CPU instead of 0.40, one of 100 bytes the same.
 */
const RUNTIME_SEMI_SPACE_MIB = 4;
/**
 * How far the heap may grow beyond what was alive at its last full collection before the next one, in per cent. V8 lets a small one grow to four times as
 * much. Measured with 20 000 registrations and a young generation of 4 MiB: 190 MiB resident instead of 211. With less, payloads make a small heap be
 * collected all the time: at 60 an echo of 64 KiB costs 7 times the CPU of the runtime, at 120 as at V8's own 4 times.
 */
const HEAP_GROWTH_PERCENT = 120;
/** The file that tells Kubernetes why a container ended, and the variable that names another. */
const TERMINATION_VARIABLE = 'LL_TERMINATION_MSG_PATH';
const TERMINATION_FILE = '/dev/termination-log';
/** Where the program of the embedded runtime is, when it is not installed beside this one. */
const RUNTIME_PROGRAM_VARIABLE = 'MESH_RUNTIME_PROGRAM';

function complain(lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
}

/**
 * Leaves the reason of a start that failed where Kubernetes shows it: in the file that is named, or in its usual one where that exists
 * (spec `modelmesh.md` §7).
 */
function leaveReason(message: string): void {
  const named = process.env[TERMINATION_VARIABLE];
  if (named === undefined && !existsSync(TERMINATION_FILE)) return;
  try {
    writeFileSync(named ?? TERMINATION_FILE, `Service startup failed: ${message}\n`);
  } catch (error) {
    complain([`the reason could not be written into ${named ?? TERMINATION_FILE}: ${toMeshError(error).message}`]);
  }
}

/** @throws {MeshError} `invalid-argument`: the end of a start, and of a running node only the end of that reload. */
function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new MeshError('invalid-argument', `the configuration file ${path} cannot be read: ${code}`, { cause: error });
  }
}

/** Everything that the configuration is made from, as it is now. @throws {MeshError} as {@link readFile} does */
function sourcesOf(flags: ConfigSources['flags'], path: string | null): ConfigSources {
  const yaml = path === null ? undefined : { path, text: readFile(path) };
  const { [RUNTIME_PROGRAM_VARIABLE]: _program, ...env } = process.env;
  return {
    yaml,
    env,
    flags,
    machine: { hostName: hostname(), tempFolder: tmpdir() },
    checks: [checkTlsFiles, checkMethodRules, checkConstraints, checkEtcdFiles, checkStaticModels, checkTokenKeys],
  };
}

interface ReadConfig {
  readonly live: LiveConfig;
  readonly configPath: string | null;
}

function readConfig(): ReadConfig {
  const { flags, configPath: named, help, version, problems } = parseFlags(process.argv.slice(2));
  if (help) process.stdout.write(`${flagsHelp()}\n`);
  if (version) process.stdout.write(`${VERSION}\n`);
  if (help || version) process.exit(0);
  const configPath = named ?? process.env[CONFIG_FILE_VARIABLE] ?? null;
  const sources = (): ConfigSources => sourcesOf(flags, configPath);
  const result: ConfigResult = parseConfig(firstSources(sources));
  for (const warning of result.warnings) complain([`warning: ${configProblemText(warning)}`]);
  if (result.ok && problems.length === 0) return { live: new LiveConfig({ config: result.config, sources }), configPath };
  const all = [...problems, ...(result.ok ? [] : result.problems)];
  complain(['the node cannot start with this configuration:', ...all.map((problem) => `  ${configProblemText(problem)}`)]);
  process.exit(EXIT_CONFIGURATION);
}

/** The sources of a start, which ends here if one cannot be read. */
function firstSources(sources: () => ConfigSources): ConfigSources {
  try {
    return sources();
  } catch (error) {
    complain([`${toMeshError(error).message}; name another with --config`]);
    process.exit(EXIT_CONFIGURATION);
  }
}

/** Program and arguments of the embedded runtime: the one that is named, else the one that is installed beside this program. */
function runtimeCommand(): readonly string[] {
  const named = process.env[RUNTIME_PROGRAM_VARIABLE];
  const program = named ?? installedRuntime();
  return [process.execPath, ...process.execArgv, `--max-semi-space-size=${RUNTIME_SEMI_SPACE_MIB}`, program];
}

function installedRuntime(): string {
  try {
    const door = new URL(import.meta.resolve('@modelmesh/runtime'));
    return new URL(door.pathname.endsWith('.ts') ? './main.ts' : './main.js', door).pathname;
  } catch {
    // Told when the embedded runtime is started; a node with an external runtime needs none.
    return '';
  }
}

/** Ctrl-C and SIGTERM end the node in order; a second one ends it at once. */
function endOnSignals(node: RunningNode, log: NodeLog): void {
  let isEnding = false;
  const end = (signal: string): void => {
    if (isEnding) process.exit(EXIT_FAILED);
    isEnding = true;
    log.info('node-ending', `${signal}: calls in flight finish, then the node ends`);
    node.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('node-end-failed', 'the node did not end in order', { error });
        process.exit(EXIT_FAILED);
      },
    );
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
}

/** SIGHUP has the node read its configuration again: at once when it runs, once it does when it is still starting. */
class HangUps {
  #log: NodeLog | undefined;
  #node: RunningNode | undefined;
  #came = false;

  /** From now on the signal does not end the program. */
  constructor() {
    process.on('SIGHUP', () => this.#hangUp());
  }

  tellTo(log: NodeLog): void {
    this.#log = log;
  }

  reload(node: RunningNode): void {
    this.#node = node;
    if (this.#came) node.reload();
  }

  #hangUp(): void {
    if (this.#node !== undefined) {
      this.#node.reload();
      return;
    }
    this.#came = true;
    this.#log?.info('reload-later', 'SIGHUP: the node is starting; it reads its configuration again when it has started');
  }
}

function makeDataFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    // The system's own words name the reason and the part of the path that is in the way.
    const reason = error instanceof Error ? error.message : String(error);
    const sentence = `the data folder ${path} cannot be made: ${reason}; choose another with --data-dir`;
    throw new MeshError('failed-precondition', sentence, { cause: error });
  }
}

async function run(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const hangUps = new HangUps();
  const { live, configPath } = readConfig();
  const config = live.current;
  makeDataFolder(config.dataDir);
  const lines = new GatheredLines({ write: (text) => process.stdout.write(text), clock: systemClock });
  process.on('exit', () => lines.flush());
  const log = createLog({ level: config.logLevel, instance: config.instanceId, service: config.serviceName, sink: lines });
  hangUps.tellTo(log);
  const environment = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const surroundings = { version: VERSION, runtimeCommand: runtimeCommand(), environment, hostName: hostname() };
  const writeLog = (text: string): void => lines.write(text);
  const node = await startNode({ log, writeLog, live, configPath, ...surroundings });
  endOnSignals(node, log);
  hangUps.reload(node);
}

run().catch((error: unknown) => {
  const { kind, message, cause } = toMeshError(error);
  complain([`the node cannot start: ${message}`]);
  leaveReason(message);
  // What we have a sentence for needs no stack; a fault of ours does.
  if (kind === 'internal' && cause instanceof Error && cause.stack !== undefined) complain([cause.stack]);
  process.exit(EXIT_FAILED);
});
