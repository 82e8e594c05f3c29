import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The root of the repository: a page may load what lies below. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE = '/packages/lab/src/browser/page/client.ts';

/** What the page and what it loads import by name. */
const MODULES = [
  '@bufbuild/protobuf',
  '@bufbuild/protobuf/codegenv2',
  '@bufbuild/protobuf/reflect',
  '@bufbuild/protobuf/wire',
  '@bufbuild/protobuf/wkt',
  '@connectrpc/connect',
  '@connectrpc/connect/protocol',
  '@connectrpc/connect/protocol-connect',
  '@connectrpc/connect/protocol-grpc-web',
  '@connectrpc/connect-web',
  '@modelmesh/core',
  '@modelmesh/wire/grpc-services',
  '@modelmesh/wire/inference',
  '@modelmesh/wire/mmesh',
];

/** Where the page finds each of them: modules are served as they lie in the repository, so that nothing has to be bundled. */
function importMap(): Readonly<Record<string, string>> {
  const ours = MODULES.map((name) => [name, pathOf(import.meta.resolve(name))] as const);
  // Its entry for browsers stands under a field that only bundlers read.
  const google = join(dirname(createRequire(import.meta.url).resolve('grpc-web')), 'index.esm.js');
  return Object.fromEntries([...ours, ['grpc-web', pathOf(pathToFileURL(google).href)]]);
}

const pathOf = (url: string): string => `/${fileURLToPath(url).slice(ROOT.length)}`;

const html = (): string => `<!doctype html><title>gRPC-Web</title>
<script type="importmap">${JSON.stringify({ imports: importMap() })}</script>
<script type="module" src="${PAGE}"></script>`;

/** Serves the page with its clients, on all names of the loopback: each name is an origin of its own. */
export class PageServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<PageServer> {
    const page = html();
    const server = createServer((request, response) => void answer(request, response, page));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PageServer(server);
  }

  /** The origin of the page under a name of the loopback. */
  originAt(host: 'localhost' | '127.0.0.1'): string {
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, page: string): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://page');
  if (pathname === '/') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page);
    return;
  }
  try {
    const source = await readFile(join(ROOT, pathname), 'utf8');
    const code = pathname.endsWith('.ts') ? stripTypeScriptTypes(source) : source;
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(code);
  } catch (error) {
    response.writeHead(404).end(String(error));
  }
}
