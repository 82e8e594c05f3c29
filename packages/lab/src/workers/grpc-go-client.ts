import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('./grpc-go/', import.meta.url));
const CACHE = fileURLToPath(new URL('../../../../.cache/workers/', import.meta.url));
const BUILD_TIMEOUT_MS = 5 * 60_000;

/** The client, built by Go from its source beside this file, again when that changed; or why it is not there. */
export function findGrpcGoClient(): { readonly path: string } | { readonly problem: string } {
  const path = join(CACHE, 'grpc-go');
  const newest = Math.max(...readdirSync(SOURCE).map((name) => statSync(join(SOURCE, name)).mtimeMs));
  if (existsSync(path) && statSync(path).mtimeMs > newest) return { path };
  try {
    mkdirSync(CACHE, { recursive: true });
    const env = { ...process.env, CGO_ENABLED: '0' };
    execFileSync('go', ['build', '-o', path, '.'], { cwd: SOURCE, env, timeout: BUILD_TIMEOUT_MS, stdio: 'pipe' });
    return { path };
  } catch (error) {
    return { problem: `the client of grpc-go needs Go: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** What became of the calls of a client. */
export interface GrpcGoResult {
  readonly calls: number;
  /** How often each error came, by its text. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Connections of grpc-go that call without end. */
export interface GrpcGoClient {
  /** Lets the last calls end. */
  stop(): Promise<GrpcGoResult>;
}

/** Starts the client: so many connections, each with so many calls at a time. */
export function startGrpcGoClient(
  program: string,
  load: { readonly target: string; readonly model: string; readonly connections: number; readonly streams: number },
): GrpcGoClient {
  const { target, model, connections, streams } = load;
  const args = ['-target', target, '-model', model, '-connections', `${connections}`, '-streams', `${streams}`];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    stop: async () => {
      child.kill('SIGINT');
      await ended;
      const result: GrpcGoResult = JSON.parse(said);
      return result;
    },
  };
}
