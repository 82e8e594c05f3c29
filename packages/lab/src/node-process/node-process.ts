import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '@modelmesh/cli/programs';
import type { GrpcClient } from '@modelmesh/grpc/call';
import { childrenOf } from '../process-usage/index.ts';
import { freeFolder } from './free-folder.ts';
import { connectGrpc, type GrpcConnection } from './grpc-connection.ts';
import { type LogLine, type ProcessEnd, Program } from './program.ts';
import { programEnvironment } from './program-environment.ts';

/** How a node is started. */
export interface NodeProcessOptions {
  /**
   * Settings by their flag without dashes, for example `{ 'runtime-server': 'null' }`. They outrank what the harness sets by itself: loopback,
   * free ports, and a data folder below the node's own.
   */
  readonly flags?: Readonly<Record<string, string>>;
  /** Variables for the node beside the few that each child gets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** An existing folder to live in, for a node that is started again; one of its own, removed at the end, unless given. */
  readonly folder?: string;
  /** How long the start may take, in milliseconds; 30 000 unless given. */
  readonly readyTimeoutMs?: number;
  /** A network namespace of this machine to run in. */
  readonly networkSpace?: string;
  /** Modules that every thread of the node loads before its program. */
  readonly imports?: readonly string[];
}

/** Where a node listens, each as host:port; absent where it was told not to. */
export interface NodeAddresses {
  readonly inference: string;
  /** Of its own, where it was moved off the inference port. */
  readonly management: string | undefined;
  readonly metrics: string | undefined;
  readonly probes: string | undefined;
  readonly prestop: string | undefined;
  /** The port between nodes, where the registry is shared. */
  readonly peers: string | undefined;
}

const READY_TIMEOUT_MS = 30_000;

const NODE_ENTRY = fileURLToPath(new URL('../../../mesh/src/main.ts', import.meta.url));

/**
 * A real node with its embedded runtime: `main.ts` in a process of its own, in a folder of its own, on free ports of the loopback.
 * `await using` stops it. A runtime never outlives its node, so one `kill` ends both.
 */
export class NodeProcess implements AsyncDisposable {
  readonly folder: string;
  readonly addresses: NodeAddresses;
  readonly program: Program;
  readonly #connection: GrpcConnection;
  readonly #removeFolder: () => Promise<void>;

  private constructor(program: Program, folder: string, addresses: NodeAddresses, removeFolder: () => Promise<void>) {
    this.program = program;
    this.folder = folder;
    this.addresses = addresses;
    this.#removeFolder = removeFolder;
    this.#connection = this.connect();
  }

  /** Starts a node and waits until it is ready. @throws with the last lines of its log if it does not become so. */
  static async start(options: NodeProcessOptions = {}): Promise<NodeProcess> {
    const own = options.folder === undefined ? await freeFolder() : undefined;
    const folder = options.folder ?? own?.path ?? '';
    const removeFolder = async (): Promise<void> => own?.[Symbol.asyncDispose]();
    const program = startNodeProgram(folder, options);
    try {
      const ready = await program.until(isNodeReady, 'node-ready', options.readyTimeoutMs ?? READY_TIMEOUT_MS);
      return new NodeProcess(program, folder, addressesOf(ready), removeFolder);
    } catch (error) {
      await program.kill('SIGKILL');
      await removeFolder();
      throw error;
    }
  }

  /** `http://host:port` of the inference port, without a slash at its end. */
  get url(): string {
    return `http://${this.addresses.inference}`;
  }

  /** A client on a connection that the harness keeps. */
  get client(): GrpcClient {
    return this.#connection.client;
  }

  get pid(): number {
    return this.program.pid;
  }

  /** Process id of the embedded runtime. @throws while it has none. */
  get runtimePid(): number {
    const [child] = childrenOf(this.pid);
    if (child === undefined) throw new Error('the node has no runtime process now');
    return child;
  }

  /** One more connection to the inference port. */
  connect(): GrpcConnection {
    const [host = '', port = ''] = splitAddress(this.addresses.inference);
    return connectGrpc({ kind: 'tcp', host, port: Number(port) });
  }

  /** The first line of the log with this event, past or future. */
  logged(event: string, timeoutMs = READY_TIMEOUT_MS): Promise<LogLine> {
    return this.program.until((line) => line.event === event, event, timeoutMs);
  }

  /** Ends the process by a signal; the folder stays until it is disposed of. */
  async kill(signal: NodeJS.Signals): Promise<ProcessEnd> {
    this.#connection.close();
    return this.program.kill(signal);
  }

  /** Asks it to drain and end. */
  stop(): Promise<ProcessEnd> {
    return this.kill('SIGTERM');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.program.hasEnded) await this.stop();
    await this.#removeFolder();
  }
}

/** Starts the program without waiting, for suites about starts that fail. */
export function startNodeProgram(folder: string, options: Omit<NodeProcessOptions, 'folder'> = {}): Program {
  const flags: Readonly<Record<string, string>> = {
    'data-dir': folder,
    'instance-id': 'lab-node',
    'listeners-inference-host': '127.0.0.1',
    'listeners-inference-port': '0',
    'probes-host': '127.0.0.1',
    'probes-port': '0',
    'prestop-port': 'none',
    'metrics-host': '127.0.0.1',
    'metrics-port': '0',
    'peer-host': '127.0.0.1',
    'peer-port': '0',
    'peer-address': '127.0.0.1',
    ...options.flags,
  };
  return new Program({
    entry: NODE_ENTRY,
    nodeFlags: [...NODE_FLAGS, ...(options.imports ?? []).map((path) => `--import=${path}`)],
    args: Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
    environment: programEnvironment(options.environment),
    workingFolder: folder,
    ...(options.networkSpace === undefined ? {} : { networkSpace: options.networkSpace }),
  });
}

const isNodeReady = (line: LogLine): boolean => line.event === 'node-ready';

/** Host and port of `host:port`, an IPv6 host without its brackets. */
export function splitAddress(address: string): readonly [host: string, port: string] {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon).replace(/^\[|\]$/g, ''), address.slice(colon + 1)];
}

function addressesOf(line: LogLine): NodeAddresses {
  const text = (field: string): string | undefined => {
    const value = line[field];
    return typeof value === 'string' ? value : undefined;
  };
  const inference = text('inference');
  if (inference === undefined) throw new Error(`node-ready names no address of inference: ${JSON.stringify(line)}`);
  const [management, metrics, probes, prestop, peers] = ['management', 'metrics', 'probes', 'prestop', 'peers'].map(text);
  return { inference, management, metrics, probes, prestop, peers };
}
