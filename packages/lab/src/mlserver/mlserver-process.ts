import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { programEnvironment } from '../node-process/index.ts';

const READY_TIMEOUT_MS = 120_000;
const LOOK_MS = 250;
/** Characters of its output that an error shows. */
const SHOWN_CHARACTERS_MAX = 2000;

/** MLServer with one scikit-learn model, in one process as its documentation advises for small models. `await using` stops it. */
export class MlServerProcess implements AsyncDisposable {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, httpPort: number, grpcPort: number) {
    this.#process = process;
    this.httpPort = httpPort;
    this.grpcPort = grpcPort;
  }

  /** Starts it with the model `iris` in `folder`. @throws with its last words if it does not become ready. */
  static async start(python: string, folder: string): Promise<MlServerProcess> {
    const [httpPort, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
    const settings = { host: '127.0.0.1', http_port: httpPort, grpc_port: grpcPort, metrics_port: metricsPort };
    const quick = { parallel_workers: 0, debug: false, metrics_endpoint: null };
    await writeFile(join(folder, 'settings.json'), JSON.stringify({ ...settings, ...quick }));
    await writeFile(
      join(folder, 'model-settings.json'),
      JSON.stringify({ name: 'iris', implementation: 'mlserver_sklearn.SKLearnModel', parameters: { uri: './model.joblib' } }),
    );
    const child = spawn(join(dirname(python), 'mlserver'), ['start', folder], {
      cwd: folder,
      env: { ...programEnvironment(), PATH: `${dirname(python)}:${programEnvironment().PATH ?? ''}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (bytes: Buffer) => {
        said = `${said}${bytes.toString()}`.slice(-SHOWN_CHARACTERS_MAX);
      });
    }
    const server = new MlServerProcess(child, httpPort, grpcPort);
    try {
      await server.#ready();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw new Error(`MLServer did not become ready; its last words:\n${said}`, { cause: error });
    }
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async #ready(): Promise<void> {
    const until = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${this.httpPort}/v2/models/iris/ready`).catch(() => undefined);
      if (response?.status === 200) return;
      if (this.#process.exitCode !== null || performance.now() > until) throw new Error('it ended, or took too long');
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const hard = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(hard);
  }
}

/** A port that was free a moment ago: MLServer takes no 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
