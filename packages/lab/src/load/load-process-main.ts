/** The program of a {@link LoadProcess}: makes the loads that its parent orders, one after the other. */
import { connectGrpc } from '../node-process/index.ts';
import { grpcRequest, runGrpcLoad } from './grpc-load.ts';
import type { LoadAnswer, LoadOrder, LoadSummary } from './load-orders.ts';
import { uniqueCalls } from './unique-headers.ts';

async function make(order: LoadOrder): Promise<LoadSummary> {
  const { port, path, metadata, messageBytes, streamsPerConnection, calls } = order;
  const links = Array.from({ length: order.connections }, () => connectGrpc({ kind: 'tcp', host: '127.0.0.1', port }));
  const request = grpcRequest(path, Buffer.alloc(messageBytes, 1), metadata);
  const next = order.uniqueHeaders ? uniqueCalls(request) : () => request;
  const connections = links.map(({ connection }) => connection);
  const result = await runGrpcLoad({ connections, streamsPerConnection, end: { kind: 'calls', count: calls }, next });
  for (const link of links) link.close();
  result.assertAllRight();
  const { completed, perSecond, latency } = result;
  return { completed, perSecond, p50Ms: latency.quantileMs(0.5), p99Ms: latency.quantileMs(0.99) };
}

const answer = (told: LoadAnswer): void => void process.send?.(told);

process.on('message', (order: LoadOrder) => {
  make(order).then(
    (summary) => answer({ summary }),
    (error: unknown) => answer({ failure: error instanceof Error ? error.message : String(error) }),
  );
});
