/** The program of a load process: does what its parent orders, one thing after the other. */
import { assertNever } from '@modelmesh/core';
import { connectGrpc, type GrpcConnection } from '../node-process/index.ts';
import { type GrpcRequest, grpcRequest, runGrpcLoad } from './grpc-load.ts';
import { HeldStreams } from './held-streams.ts';
import type { CallsOrder, LoadAnswer, LoadOrder, LoadSummary, ProcessOrder } from './load-orders.ts';
import type { LoadResult } from './load-result.ts';
import { uniqueCalls } from './unique-headers.ts';

let held: HeldStreams | undefined;
let heldLinks: readonly GrpcConnection[] = [];

async function obey(order: ProcessOrder): Promise<LoadResult> {
  switch (order.kind) {
    case 'load':
      return load(order);
    case 'hold':
      heldLinks = linksFor(order);
      held = new HeldStreams(connectionsOf(heldLinks), order.streamsPerConnection, requestOf(order));
      return held.open();
    case 'round':
      return streams().round();
    case 'release': {
      const result = await streams().end();
      for (const link of heldLinks) link.close();
      held = undefined;
      return result;
    }
    default:
      return assertNever(order);
  }
}

function streams(): HeldStreams {
  if (held === undefined) throw new Error('no stream is held');
  return held;
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const links = linksFor(order);
  const request = requestOf(order);
  const result = await runGrpcLoad({
    connections: connectionsOf(links),
    streamsPerConnection: order.streamsPerConnection,
    end: { kind: 'calls', count: order.calls },
    next: order.uniqueHeaders ? uniqueCalls(request) : () => request,
  });
  for (const link of links) link.close();
  return result;
}

const linksFor = ({ port, connections }: CallsOrder): readonly GrpcConnection[] =>
  Array.from({ length: connections }, () => connectGrpc({ kind: 'tcp', host: '127.0.0.1', port }));

const connectionsOf = (links: readonly GrpcConnection[]) => links.map(({ connection }) => connection);

const requestOf = ({ path, messageBytes, metadata }: CallsOrder): GrpcRequest =>
  grpcRequest(path, Buffer.alloc(messageBytes, 1), metadata);

function summaryOf(result: LoadResult): LoadSummary {
  result.assertAllRight();
  const { completed, perSecond, latency } = result;
  return { completed, perSecond, p50Ms: latency.quantileMs(0.5), p99Ms: latency.quantileMs(0.99) };
}

const answer = (told: LoadAnswer): void => void process.send?.(told);

process.on('message', (order: ProcessOrder) => {
  obey(order)
    .then(summaryOf)
    .then(
      (summary) => answer({ summary }),
      (error: unknown) => answer({ failure: error instanceof Error ? error.message : String(error) }),
    );
});
