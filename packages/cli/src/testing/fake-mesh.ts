import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { EndpointView, InstanceView, ModelView } from '@modelmesh/sdk/client';

/** What the fake answers with: a value as JSON, a text as it is, or an error. */
export type FakeAnswer = { readonly status?: number; readonly json?: unknown; readonly text?: string };

/** A server that answers what it was told to, and notes what it was asked. */
export interface FakeMesh extends AsyncDisposable {
  readonly url: string;
  /** `METHOD path` of each request, with its body. */
  readonly asked: { readonly what: string; readonly body: string; readonly headers: IncomingMessage['headers'] }[];
  /** Answers by `METHOD path` without the query; whatever is not there is 404. */
  readonly answers: Map<string, FakeAnswer | (() => FakeAnswer | Promise<FakeAnswer>)>;
}

type Answers = Record<string, FakeAnswer | (() => FakeAnswer | Promise<FakeAnswer>)>;

/** Starts a fake; with a certificate it speaks https. */
export async function fakeMesh(answers: Answers = {}, tls?: { readonly cert: string; readonly key: string }): Promise<FakeMesh> {
  const asked: FakeMesh['asked'] = [];
  const table: FakeMesh['answers'] = new Map(Object.entries(answers));
  const answer: RequestListener = async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
    const what = `${request.method} ${request.url}`;
    asked.push({ what, body, headers: request.headers });
    const found = table.get(what.split('?', 1)[0] ?? '') ?? { status: 404, json: { error: 'nothing here', kind: 'not-found' } };
    const { status = 200, json, text } = typeof found === 'function' ? await found() : found;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(text ?? (json === undefined ? '' : JSON.stringify(json)));
  };
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    asked,
    answers: table,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Memory of a model as the API tells it: nothing is known but what is given. */
export const memoryOf = (known: Partial<ModelView['memory']>): ModelView['memory'] => ({
  declaredBytes: null,
  predictedBytes: null,
  measuredBytes: null,
  highWaterBytes: null,
  bookedBytes: null,
  ...known,
});

/** A model as the API tells it. */
export const modelOf = (key: string, fields: Partial<ModelView> = {}): ModelView => ({
  key,
  family: null,
  version: null,
  type: 'mt:onnx',
  path: '/models/m.onnx',
  format: { name: 'onnx', version: null },
  labels: {},
  sha256: null,
  status: 'NOT_LOADED',
  errors: [],
  copies: [],
  memory: memoryOf({}),
  copiesPolicy: { min: 0, max: null, pin: false, idleAfterMs: null },
  retry: 'safe',
  references: 0,
  autoDelete: false,
  lastUsedAt: null,
  createdAt: null,
  generation: 1,
  ...fields,
});

/** An endpoint as the API tells it. */
export const endpointOf = (name: string, fields: Partial<EndpointView> = {}): EndpointView => ({
  name,
  owner: 'endpoint',
  status: 'DEFINED',
  activeModel: 'm',
  targetModel: 'm',
  policy: null,
  ...fields,
});

/** An instance as the API tells it. */
export const instanceOf = (id: string, fields: Partial<InstanceView> = {}): InstanceView => ({
  id,
  startedAt: null,
  location: 'here',
  zone: '',
  labels: [],
  models: 2,
  capacityBytes: 1024 ** 3,
  usedBytes: 1024 ** 2,
  loadingThreads: 1,
  loadsInProgress: 0,
  requestsPerMinute: 0,
  leastRecentUseAt: null,
  shuttingDown: false,
  incarnation: null,
  ...fields,
});
