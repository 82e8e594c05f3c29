import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RuntimeProcess } from '../node-process/index.ts';
import { grpcRequest, httpRequest, runGrpcLoad, runHttpLoad, SeededRandom, Zipf } from './index.ts';

describe('a gRPC load', () => {
  it('makes so many calls, checks each answer, and tells failures by their text', { timeout: 30_000 }, async () => {
    await using runtime = await RuntimeProcess.start({ environment: { MESH_RUNTIME_SERVER: 'null' } });
    const connections = [runtime.connect(), runtime.connect()];
    const message = Buffer.alloc(100_000, 7);
    const same = (answer: Uint8Array): boolean => message.equals(answer);
    const right = grpcRequest('/any.Service/Call', message, [], same);
    const wrong = grpcRequest('/any.Service/Call', Buffer.from('x'), [], same);
    const failing = grpcRequest('/any.Service/Call', Buffer.from('x'), ['null-fail', 'ABORTED so it is']);
    let calls = 0;

    const result = await runGrpcLoad({
      connections: connections.map(({ connection }) => connection),
      streamsPerConnection: 8,
      end: { kind: 'calls', count: 300 },
      next: () => [right, wrong, failing][calls++ % 3] ?? right,
    });

    for (const connection of connections) connection.close();
    assert.deepEqual([result.completed, result.wrong, [...result.failures]], [100, 100, [['grpc-status 10: so it is', 100]]]);
    assert.ok(result.driverCpuMs > 0 && result.elapsedMs > 0);
    assert.throws(() => result.assertAllRight(), /100 wrong answers, 100 failures of 200:\n {2}100 × grpc-status 10/);
  });
});

describe('an HTTP load', () => {
  it('reads answers with a length and in chunks', { timeout: 30_000 }, async () => {
    let answers = 0;
    const server = createServer((request, response) => {
      const chunked = answers++ % 2 === 0;
      request.resume().on('end', () => {
        if (!chunked) response.setHeader('content-length', 5);
        response.write('he');
        setImmediate(() => response.end('llo'));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const request = httpRequest('/x', Buffer.from('{}'), {}, (body) => body.toString() === 'hello');

    const result = await runHttpLoad({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      connections: 4,
      end: { kind: 'calls', count: 100 },
      next: () => request,
    });

    server.close();
    assert.deepEqual([result.completed, result.wrong, result.failed], [100, 0, 0]);
  });

  it('counts what is refused', { timeout: 30_000 }, async () => {
    const plan = { host: '127.0.0.1', port: 1, connections: 2, end: { kind: 'calls', count: 5 }, next: () => request } as const;
    const request = httpRequest('/x', Buffer.from('{}'));
    assert.match([...(await runHttpLoad(plan)).failures].join(), /ECONNREFUSED.*2/);
  });
});

describe("Zipf's law", () => {
  it('draws each rank as often as its weight says', () => {
    const [zipf, random] = [new Zipf(3, 1), new SeededRandom(7)];
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 11_000; draw++) {
      const rank = zipf.rankOf(random.share());
      counts[rank] = (counts[rank] ?? 0) + 1;
    }
    for (const [rank, expected] of [6000, 3000, 2000].entries())
      assert.ok(Math.abs((counts[rank] ?? 0) - expected) < 200, `${counts}`);
  });

  it('never leaves the ranks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0, max: 0.999999, noNaN: true }), (ranks, share) => {
        const rank = new Zipf(ranks, 1.1).rankOf(share);
        assert.ok(Number.isInteger(rank) && rank >= 0 && rank < ranks);
      }),
    );
    assert.throws(() => new Zipf(0, 1), RangeError);
  });
});
