import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, MeshError } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { DEFAULT_STREAM_LIMITS, type HeaderBlock, headerBlock } from '../stream/index.ts';
import { collect, each, serveRouter, TEST_MESSAGE_BYTES_MAX } from '../testing/index.ts';
import { type CallContext, GrpcStatusError, rawMethod } from './index.ts';

const UNARY = rawMethod('/test.Echo/Unary');
const STREAM = rawMethod('/test.Echo/Stream');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const slices = (words: string): Uint8Array[] => [new Uint8Array(Buffer.from(words))];

const isStatus = (code: number, message?: string) => (error: unknown) =>
  error instanceof GrpcStatusError && error.code === code && (message === undefined || error.message === message);

test('a unary call carries headers and trailers both ways, binary ones too', async () => {
  let seen: CallContext | undefined;
  await using served = await serveRouter((router) =>
    router.unary(UNARY, (request, context) => {
      seen = context;
      context.setHeader('x-answer', 'yes');
      context.setTrailer('x-last-bin', Uint8Array.of(1, 2, 3));
      return slices(`re: ${text(request)}`);
    }),
  );
  let headers: HeaderBlock | undefined;
  let trailers: HeaderBlock | undefined;
  const response = await served.client.call(UNARY, slices('hello'), {
    headers: ['x-ask', 'this', 'x-data-bin', 'AAEC'],
    onHeaders: (block) => {
      headers = block;
    },
    onTrailers: (block) => {
      trailers = block;
    },
  });
  assert.equal(text(response), 're: hello');
  assert.equal(seen?.headers.get('x-ask'), 'this');
  assert.equal(seen?.headers.get('x-data-bin'), 'AAEC');
  assert.equal(seen?.deadline, undefined);
  assert.equal(headers?.get('x-answer'), 'yes');
  assert.equal(trailers?.get('x-last-bin'), 'AQID');
});

test('a handler that throws a MeshError answers with its code and message', async () => {
  await using served = await serveRouter((router) =>
    router.unary(UNARY, () => {
      throw new MeshError('model-not-found', 'no model „ü“ 100%');
    }),
  );
  await assert.rejects(served.client.call(UNARY, slices('x')), isStatus(GRPC_CODE.NOT_FOUND, 'no model „ü“ 100%'));
});

test('a handler may answer with any status, details and trailers', async () => {
  const trailers = headerBlock(['grpc-status-details-bin', 'CAkSAm5v', 'x-why', 'because']);
  await using served = await serveRouter((router) =>
    router.unary(UNARY, () => {
      throw new GrpcStatusError(GRPC_CODE.DATA_LOSS, 'lost', { trailers });
    }),
  );
  await assert.rejects(served.client.call(UNARY, slices('x')), (error) => {
    assert.ok(error instanceof GrpcStatusError);
    assert.equal(error.code, GRPC_CODE.DATA_LOSS);
    assert.deepEqual([...(error.details ?? [])], [8, 9, 18, 2, 110, 111]);
    assert.equal(error.trailers.get('x-why'), 'because');
    return true;
  });
});

test('what is no MeshError is reported as a fault, and its text is hidden from the caller', async () => {
  const faults: unknown[] = [];
  await using served = await serveRouter(
    (router) =>
      router.unary(UNARY, () => {
        throw new TypeError('secret detail');
      }),
    { router: { onFault: (error, path) => faults.push(`${path} ${String(error)}`) } },
  );
  await assert.rejects(
    served.client.call(UNARY, slices('x')),
    (error) => isStatus(GRPC_CODE.INTERNAL)(error) && !String(error).includes('secret'),
  );
  assert.deepEqual(faults, ['/test.Echo/Unary TypeError: secret detail']);
});

test('an unknown method, an unknown encoding and a bad timeout are refused before any handler', async () => {
  await using served = await serveRouter((router) => router.unary(UNARY, (request) => [request]));
  const call = (path: string, headers: string[]) => served.client.call(rawMethod(path), slices('x'), { headers });
  await assert.rejects(call('/test.Echo/Other', []), isStatus(GRPC_CODE.UNIMPLEMENTED, '/test.Echo/Other is not served here'));
  await assert.rejects(call(UNARY.path, ['grpc-encoding', 'snappy']), isStatus(GRPC_CODE.UNIMPLEMENTED));
  await assert.rejects(call(UNARY.path, ['grpc-timeout', 'soon']), isStatus(GRPC_CODE.INVALID_ARGUMENT));
});

test('the router asks who calls, and a refusal is the answer', async () => {
  await using served = await serveRouter(
    (router) => router.unary(UNARY, (_request, { principal }) => slices(String(principal))),
    {
      router: {
        identify: (headers) => {
          const user = headers.get('x-user');
          if (user === undefined) throw new MeshError('unauthenticated', 'x-user is missing');
          return user;
        },
      },
    },
  );
  assert.equal(text(await served.client.call(UNARY, slices(''), { headers: ['x-user', 'ann'] })), 'ann');
  await assert.rejects(served.client.call(UNARY, slices('')), isStatus(GRPC_CODE.UNAUTHENTICATED, 'x-user is missing'));
});

test('messages over the limit are refused by the server and by the client', async () => {
  await using served = await serveRouter((router) => router.unary(UNARY, () => [new Uint8Array(2000)]), {
    router: { messageBytesMax: 1000 },
    client: { messageBytesMax: 1500 },
  });
  await assert.rejects(served.client.call(UNARY, [new Uint8Array(1001)]), (error) => {
    assert.ok(isStatus(GRPC_CODE.RESOURCE_EXHAUSTED)(error));
    assert.match(String(error), /1001 bytes is above the limit of 1000 bytes/);
    return true;
  });
  await assert.rejects(served.client.call(UNARY, [new Uint8Array(10)]), { kind: 'too-large' });
});

test('a deadline ends the call on both sides, and the handler hears it', async () => {
  const clock = new FakeClock();
  const begun = Promise.withResolvers<number>();
  const heard = Promise.withResolvers<unknown>();
  await using served = await serveRouter(
    (router) =>
      router.unary(UNARY, async (_request, { signal, deadline }) => {
        signal.addEventListener('abort', () => heard.resolve(signal.reason));
        begun.resolve((deadline ?? 0) - clock.monotonicMs());
        throw await heard.promise;
      }),
    { clock },
  );
  const asked = served.client.call(UNARY, slices('x'), { timeoutMs: durationMs(5000.9) });
  assert.equal(await begun.promise, 5000);
  clock.advance(4990);
  assert.equal(served.timers.count, 2);
  clock.advance(30);
  await assert.rejects(asked, { kind: 'deadline-exceeded' });
  const reason = await heard.promise;
  assert.ok(reason instanceof MeshError && reason.kind === 'deadline-exceeded');
  assert.equal(served.timers.count, 0);
});

test('the timer of a call that was answered is called off', async () => {
  await using served = await serveRouter((router) => router.unary(UNARY, (request) => [request]), { clock: new FakeClock() });
  await served.client.call(UNARY, slices('x'), { timeoutMs: durationMs(5000) });
  assert.equal(served.timers.count, 0);
});

test('the deadline of a call that waits for a free stream counts too', async () => {
  const clock = new FakeClock();
  const begun = Promise.withResolvers<void>();
  const limits = { ...DEFAULT_STREAM_LIMITS, streamsPerConnectionMax: 1 };
  let calls = 0;
  await using served = await serveRouter(
    (router) =>
      router.unary(UNARY, () => {
        calls += 1;
        begun.resolve();
        return new Promise<never>(() => undefined);
      }),
    { clock, limits },
  );
  const first = served.client.call(UNARY, slices('x'), { timeoutMs: durationMs(9000) });
  await begun.promise;
  const second = served.client.call(UNARY, slices('x'), { timeoutMs: durationMs(1000) });
  clock.advance(1020);
  await assert.rejects(second, { kind: 'deadline-exceeded' });
  clock.advance(9000);
  await assert.rejects(first, { kind: 'deadline-exceeded' });
  assert.equal(calls, 1);
});

test('a deadline that has passed sends nothing', async () => {
  let calls = 0;
  await using served = await serveRouter((router) =>
    router.unary(UNARY, (request) => {
      calls += 1;
      return [request];
    }),
  );
  await assert.rejects(served.client.call(UNARY, slices('x'), { timeoutMs: durationMs(-1) }), { kind: 'deadline-exceeded' });
  assert.equal(calls, 0);
});

test('the deadline of a caller that does not watch it is enforced by the server', async () => {
  const clock = new FakeClock();
  const begun = Promise.withResolvers<void>();
  await using served = await serveRouter(
    (router) =>
      router.unary(UNARY, () => {
        begun.resolve();
        return new Promise<never>(() => undefined);
      }),
    { clock },
  );
  const asked = served.client.call(UNARY, slices('x'), { headers: ['grpc-timeout', '3S'] });
  await begun.promise;
  clock.advance(3020);
  await assert.rejects(asked, isStatus(GRPC_CODE.DEADLINE_EXCEEDED));
});

test('cancelling a call reaches the handler', async () => {
  const reached = Promise.withResolvers<unknown>();
  const begun = Promise.withResolvers<void>();
  await using served = await serveRouter((router) =>
    router.unary(UNARY, async (_request, { signal }) => {
      begun.resolve();
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
      reached.resolve(signal.reason);
      return [];
    }),
  );
  const controller = new AbortController();
  const asked = served.client.call(UNARY, slices('x'), { signal: controller.signal });
  await begun.promise;
  controller.abort();
  await assert.rejects(asked, { kind: 'cancelled' });
  const reason = await reached.promise;
  assert.ok(reason instanceof MeshError && reason.kind === 'cancelled');
});

test('a signal that was aborted before sends nothing', async () => {
  await using served = await serveRouter((router) => router.unary(UNARY, (request) => [request]));
  await assert.rejects(served.client.call(UNARY, slices('x'), { signal: AbortSignal.abort() }), { kind: 'cancelled' });
  assert.equal(served.connection.state.kind, 'idle');
});

test('all kinds of streams carry their messages in order', async () => {
  await using served = await serveRouter((router) => {
    router.serverStream(rawMethod('/t/Server'), async function* (request) {
      for (let index = 0; index < 5; index += 1) yield slices(`${text(request)}${index}`);
    });
    router.clientStream(rawMethod('/t/Client'), async (requests) => slices((await collect(requests)).map(text).join(',')));
    router.bidi(STREAM, async function* (requests) {
      for await (const request of requests) yield slices(`<${text(request)}>`);
    });
  });
  const { client } = served;
  const words = () => each(['a', 'b', 'c'].map(slices));
  const all = async (responses: AsyncIterable<Uint8Array>) => (await collect(responses)).map(text);
  assert.deepEqual(await all(client.exchange(rawMethod('/t/Server'), each([slices('n')]))), ['n0', 'n1', 'n2', 'n3', 'n4']);
  assert.deepEqual(await all(client.exchange(rawMethod('/t/Client'), words())), ['a,b,c']);
  assert.deepEqual(await all(client.exchange(STREAM, words())), ['<a>', '<b>', '<c>']);
});

test('a stream that fails midway gives what came before, then the error', async () => {
  await using served = await serveRouter((router) =>
    router.serverStream(STREAM, async function* () {
      yield slices('one');
      throw new MeshError('unavailable', 'the rest is gone');
    }),
  );
  const got: string[] = [];
  const reading = async (): Promise<void> => {
    for await (const response of served.client.exchange(STREAM, each([slices('')]))) got.push(text(response));
  };
  await assert.rejects(reading(), isStatus(GRPC_CODE.UNAVAILABLE, 'the rest is gone'));
  assert.deepEqual(got, ['one']);
});

test('a reader that leaves its loop cancels the call, and the handler is ended', async () => {
  const ended = Promise.withResolvers<void>();
  await using served = await serveRouter((router) =>
    router.serverStream(STREAM, async function* (_request, { signal }) {
      try {
        for (;;) {
          yield slices('again');
          if (signal.aborted) return;
        }
      } finally {
        ended.resolve();
      }
    }),
  );
  for await (const response of served.client.exchange(STREAM, each([slices('')]))) {
    assert.equal(text(response), 'again');
    break;
  }
  await ended.promise;
});

test('a slow reader holds the sender back, and everything comes in the end', async () => {
  const total = 100;
  let sent = 0;
  await using served = await serveRouter((router) =>
    router.serverStream(STREAM, async function* () {
      for (; sent < total; sent += 1) yield [new Uint8Array(50_000)];
    }),
  );
  const responses = served.client.exchange(STREAM, each([slices('')]));
  const first = await responses.next();
  assert.equal(first.done, false);
  for (let trip = 0; trip < 10; trip += 1) {
    await new Promise((resolve) => {
      served.connection.ping(resolve);
    });
  }
  assert.ok(sent < total / 2, `${sent} messages were sent to a reader that took one`);
  assert.equal((await collect(responses)).length, total - 1);
});

test('a handler that answers early needs not read the rest of the requests', async () => {
  await using served = await serveRouter((router) =>
    router.clientStream(STREAM, async (requests) => {
      for await (const request of requests) return slices(`first ${request.byteLength}`);
      return [];
    }),
  );
  async function* endless(): AsyncGenerator<Uint8Array[]> {
    for (;;) yield [new Uint8Array(30_000)];
  }
  const [answer] = await collect(served.client.exchange(STREAM, endless()));
  assert.equal(text(answer ?? new Uint8Array(0)), 'first 30000');
});

test('compressed messages come as they were, and small ones are left alone', async () => {
  const encodings: (string | undefined)[] = [];
  await using served = await serveRouter(
    (router) =>
      router.bidi(STREAM, async function* (requests, { headers }) {
        encodings.push(headers.get('grpc-encoding'));
        for await (const request of requests) yield [request];
      }),
    { client: { requestEncoding: 'gzip' }, router: { responseEncoding: 'deflate' } },
  );
  const sizes = [10, 5000, 0, 200_000, 1, 1024];
  const byteAt = (index: number): number => (Math.imul(index, 2_654_435_761) >>> 13) & 0xff;
  // The fourth is large after compression too: it is inflated in the thread pool, and the others must not overtake it.
  const messages = sizes.map((size) => [Uint8Array.from({ length: size }, (_, index) => byteAt(index))]);
  let answered: string | undefined;
  const responses = await collect(
    served.client.exchange(STREAM, each(messages), {
      onHeaders: (headers) => {
        answered = headers.get('grpc-encoding');
      },
    }),
  );
  assert.deepEqual(
    responses.map((response) => response.byteLength),
    sizes,
  );
  assert.equal(responses[3]?.[1000], byteAt(1000));
  assert.deepEqual(encodings, ['gzip']);
  assert.equal(answered, 'deflate');
});

test('a decompression bomb ends the call by its limit', async () => {
  await using served = await serveRouter((router) => router.unary(UNARY, (request) => [request]), {
    client: { requestEncoding: 'gzip', messageBytesMax: TEST_MESSAGE_BYTES_MAX },
    router: { messageBytesMax: 100_000 },
  });
  const bomb = served.client.call(UNARY, [new Uint8Array(TEST_MESSAGE_BYTES_MAX)]);
  await assert.rejects(
    bomb,
    (error) => isStatus(GRPC_CODE.RESOURCE_EXHAUSTED)(error) && String(error).includes('messageBytesMax'),
  );
});

test('a message of many megabytes goes both ways', async () => {
  await using served = await serveRouter((router) => router.unary(UNARY, (request) => [request]));
  const response = await served.client.call(UNARY, [new Uint8Array(5_000_000).fill(7)]);
  assert.equal(response.byteLength, 5_000_000);
  assert.equal(response.at(-1), 7);
});
