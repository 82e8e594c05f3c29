import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import {
  type ByteStream,
  type HeaderBlock,
  headerBlock,
  type ServerConnection,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import type { CorsConfig } from '../../config/index.ts';
import { acceptCors, answerCorsHttp1, CorsPolicy } from './index.ts';

const OFF: CorsConfig = {
  origins: [],
  requestHeaders: [],
  answerHeaders: [],
  maxAgeMs: durationMs(3_600_000),
  credentials: false,
};
const APP = 'https://app.example';
const LISTED: CorsConfig = {
  ...OFF,
  origins: [APP, 'http://localhost:3000'],
  requestHeaders: ['x-tenant'],
  answerHeaders: ['x-took'],
};
const ANYONE: CorsConfig = { ...OFF, origins: ['*'], requestHeaders: ['*'] };
const CREDENTIALS: CorsConfig = { ...LISTED, credentials: true };

type Fields = Readonly<Record<string, string>>;
interface Answer {
  readonly status: number;
  readonly fields: Fields;
  /** Whether the request came through to what is behind. */
  readonly served: boolean;
}
type Ask = (config: CorsConfig, method: string, fields: Fields) => Promise<Answer>;

const CONNECTION = { info: { remoteAddress: 'test', encrypted: false, clientCertificate: undefined } } as ServerConnection;

const overHttp2: Ask = async (config, method, fields) => {
  let answer: HeaderBlock | undefined;
  let served = false;
  const below = {
    owner: undefined,
    sendHeaders: (headers: HeaderBlock) => {
      answer = headers;
    },
    sendData: () => true,
    sendTrailers: () => {},
    reset: () => {},
    consume: () => {},
  } satisfies ByteStream;
  const policy = new CorsPolicy(config);
  const accept = acceptCors(
    () => policy,
    (stream): StreamHandler => {
      served = true;
      stream.sendHeaders(headerBlock([':status', '200', 'x-own', '1']), true);
      return {} as StreamHandler;
    },
  );
  accept(below, headerBlock([':method', method, ...Object.entries(fields).flat()]), true, CONNECTION);
  const raw = answer?.raw() ?? [];
  const own = Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at] ?? '', raw[2 * at + 1] ?? ''] as const);
  return { status: Number(answer?.get(':status')), fields: Object.fromEntries(own), served };
};

const overHttp1: Ask = async (config, method, fields) => {
  const policy = new CorsPolicy(config);
  let served = false;
  const server = createServer((request, response) => {
    if (answerCorsHttp1(policy, request, response)) return;
    served = true;
    response.writeHead(200, ['x-own', '1']).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`, { method, headers: fields });
    return { status: response.status, fields: Object.fromEntries(response.headers), served };
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
};

const preflight = (origin: string, wanted = 'content-type,x-grpc-web'): Fields => ({
  origin,
  'access-control-request-method': 'POST',
  'access-control-request-headers': wanted,
});
const corsFieldsOf = ({ fields }: Answer): string[] => Object.keys(fields).filter((name) => name.startsWith('access-control-'));

// `fetch` of Node may set the fields that browsers keep for themselves.
for (const [carrier, ask] of Object.entries({ 'HTTP/2': overHttp2, 'HTTP/1.1': overHttp1 })) {
  describe(`a page from elsewhere, over ${carrier}`, () => {
    it('is told nothing where no origin is configured, and of another origin', async () => {
      for (const [config, origin] of [
        [OFF, APP],
        [LISTED, 'https://evil.example'],
        [LISTED, 'http://app.example'],
        [LISTED, 'null'],
      ] as const) {
        for (const [method, fields] of [
          ['POST', { origin }],
          ['OPTIONS', preflight(origin)],
        ] as const) {
          const answer = await ask(config, method, fields);
          assert.deepEqual(corsFieldsOf(answer), [], `${method} from ${origin}`);
          assert.ok(answer.served, 'the request is answered as any other');
        }
      }
    });

    it('of a listed origin may ask, and read what the node says of a call', async () => {
      const { fields, status } = await ask(LISTED, 'POST', { origin: APP });
      assert.equal(status, 200);
      assert.equal(fields['x-own'], '1');
      assert.equal(fields['access-control-allow-origin'], APP);
      assert.equal(fields['access-control-allow-credentials'], undefined);
      assert.equal(fields.vary, 'origin');
      const readable = fields['access-control-expose-headers']?.split(', ') ?? [];
      for (const name of ['grpc-status', 'grpc-message', 'grpc-status-details-bin', 'x-took'])
        assert.ok(readable.includes(name), name);
    });

    it('is answered at once when it asks whether it may', async () => {
      const { fields, status, served } = await ask(LISTED, 'OPTIONS', preflight(APP));
      assert.deepEqual([status, served], [204, false]);
      assert.equal(fields['access-control-allow-origin'], APP);
      assert.equal(fields['access-control-max-age'], '3600');
      assert.match(fields['access-control-allow-methods'] ?? '', /POST/);
      const allowed = fields['access-control-allow-headers']?.split(', ') ?? [];
      for (const name of [
        'content-type',
        'x-grpc-web',
        'x-user-agent',
        'grpc-timeout',
        'mm-model-id',
        'mm-timeout-ms',
        'x-tenant',
      ])
        assert.ok(allowed.includes(name), name);
      assert.ok(!allowed.includes('x-other'));
    });

    it('of any origin is answered with *, whatever it wants to send', async () => {
      const wanted = 'x-other, x-another';
      const asked = await ask(ANYONE, 'OPTIONS', preflight('null', wanted));
      assert.equal(asked.fields['access-control-allow-origin'], '*');
      assert.equal(asked.fields['access-control-allow-headers'], wanted);
      const { fields } = await ask(ANYONE, 'POST', { origin: 'null' });
      assert.equal(fields['access-control-allow-origin'], '*');
      assert.equal(fields.vary, undefined);
    });

    it('may send credentials where that is configured, to its own origin alone', async () => {
      const { fields } = await ask(CREDENTIALS, 'POST', { origin: APP });
      assert.deepEqual([fields['access-control-allow-credentials'], fields['access-control-allow-origin']], ['true', APP]);
    });

    it('makes caches tell answers apart, also those that no page asked for', async () => {
      const answer = await ask(LISTED, 'GET', {});
      assert.deepEqual([answer.fields.vary, corsFieldsOf(answer)], ['origin', []]);
    });

    it('asks for no other method with OPTIONS: that is no question', async () => {
      assert.ok((await ask(LISTED, 'OPTIONS', { origin: APP })).served);
    });
  });
}
