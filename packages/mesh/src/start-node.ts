import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { durationMs } from '@modelmesh/core';
import { Scope } from '@modelmesh/core/scope';
import { connectionInfoOf } from '@modelmesh/grpc/listen';
import { composeNode } from './compose/index.ts';
import type { Config } from './config/index.ts';
import { sniff } from './dataplane/listener/sniff.ts';
import type { NodeLog } from './log/index.ts';

export interface RunningNode {
  close(): Promise<void>;
}

export async function startNode(
  config: Config,
  around: { log: NodeLog; version: string; runtimeCommand: readonly string[]; environment: Record<string, string> },
): Promise<RunningNode> {
  const { log } = around;
  const scope = new Scope('node', ({ task, error }) => log.error('loop-failed', task, { error }));
  const metrics = { call: () => {}, attempt: () => {}, cacheMiss: () => {}, cacheMetric: () => {} };
  const node = await composeNode(config, { ...around, scope, metrics });
  node.running.control.subscribe(0, (event) =>
    log.info(event.kind, event.message, { model: event.model, endpoint: event.endpoint, ...event.fields }),
  );
  const [listener] = config.listeners;
  if (listener === undefined) throw new Error('no listener');
  const doors = node.doors(listener.roles);
  const http = createHttpServer((req, res) => doors.onRequest(req, res, false));
  http.on('checkContinue', (req, res) => doors.onRequest(req, res, true));
  const server = createServer({ pauseOnConnect: false }, (socket) =>
    sniff(socket, (protocol) => {
      if (protocol === 'http2') node.engine.serve(socket, connectionInfoOf(socket), node.streamLimits, doors.accept);
      else http.emit('connection', socket);
    }),
  );
  await new Promise<void>((resolve) => server.listen(listener.port, listener.host, resolve));
  const { address, port } = server.address() as AddressInfo;
  const ready = () => {
    doors.readyChanged();
    log.info('node-ready', 'ready', { inference: `${address}:${port}` });
  };
  if (node.running.control.ready) ready();
  node.running.control.subscribe(0, (event) => {
    if (event.kind === 'runtime-ready') ready();
  });
  void durationMs;
  return {
    close: async () => {
      server.close();
      await node.close();
    },
  };
}
