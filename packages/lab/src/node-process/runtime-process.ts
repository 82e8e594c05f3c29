import { join } from 'node:path';
import type { GrpcClient } from '@modelmesh/grpc/call';
import { runtimeEntry, runtimeEnvironment } from '@modelmesh/runtime';
import { freeFolder } from './free-folder.ts';
import { connectGrpc, type GrpcConnection } from './grpc-connection.ts';
import { type ProcessEnd, Program } from './program.ts';
import { programEnvironment } from './program-environment.ts';

const READY_TIMEOUT_MS = 30_000;

/** How a runtime is started. */
export interface RuntimeProcessOptions {
  /** Its variables, `MESH_RUNTIME_…`; they outrank the socket and the folders that the harness sets. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The embedded runtime alone, without a node, on a socket in a folder of its own. `await using` stops it. */
export class RuntimeProcess implements AsyncDisposable {
  readonly folder: string;
  readonly socketPath: string;
  readonly program: Program;
  readonly #connection: GrpcConnection;
  readonly #removeFolder: () => Promise<void>;

  private constructor(program: Program, folder: string, socketPath: string, removeFolder: () => Promise<void>) {
    this.program = program;
    this.folder = folder;
    this.socketPath = socketPath;
    this.#removeFolder = removeFolder;
    this.#connection = this.connect();
  }

  /** Starts a runtime and waits until it is ready. */
  static async start(options: RuntimeProcessOptions = {}): Promise<RuntimeProcess> {
    const own = await freeFolder();
    const socketPath = join(own.path, 'runtime.sock');
    const program = new Program({
      entry: runtimeEntry(),
      environment: programEnvironment({
        ...runtimeEnvironment(),
        MESH_RUNTIME_SOCKET: socketPath,
        MESH_RUNTIME_CACHE_FOLDER: join(own.path, 'cache'),
        MESH_RUNTIME_STORAGE_ROOT: own.path,
        ...options.environment,
      }),
      workingFolder: own.path,
    });
    const removeFolder = (): Promise<void> => Promise.resolve(own[Symbol.asyncDispose]());
    try {
      await program.until((line) => line.event === 'ready', 'ready', READY_TIMEOUT_MS);
      return new RuntimeProcess(program, own.path, socketPath, removeFolder);
    } catch (error) {
      await program.kill('SIGKILL');
      await removeFolder();
      throw error;
    }
  }

  /** A client on a connection that the harness keeps. */
  get client(): GrpcClient {
    return this.#connection.client;
  }

  get pid(): number {
    return this.program.pid;
  }

  /** One more connection. */
  connect(): GrpcConnection {
    return connectGrpc({ kind: 'unix', path: this.socketPath });
  }

  /** Ends it by a signal. */
  async kill(signal: NodeJS.Signals): Promise<ProcessEnd> {
    this.#connection.close();
    return this.program.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.program.hasEnded) await this.kill('SIGTERM');
    await this.#removeFolder();
  }
}
