import { Scope } from '@modelmesh/core/scope';
import { type ComposedNode, composeNode, type Doors, type NodeSurroundings } from './compose/index.ts';
import type { Config } from './config/index.ts';
import { listen, type RunningListener } from './dataplane/listener/index.ts';
import type { NodeLog } from './log/index.ts';
import type { NodeEvent } from './node/index.ts';

/** What a node is started with besides its configuration. */
export interface NodeStart extends Pick<NodeSurroundings, 'version' | 'runtimeCommand' | 'environment'> {
  readonly log: NodeLog;
}

/** A node that serves. */
export interface RunningNode {
  /** Takes no new calls, lets those in flight finish within the configured time, then ends everything. */
  close(): Promise<void>;
}

interface OpenListener {
  readonly listener: RunningListener;
  readonly doors: Doors;
}

/** Starts a node: control and runtime first, the ports last, so that nothing is refused that a moment later would be served. */
export async function startNode(config: Config, start: NodeStart): Promise<RunningNode> {
  const { log } = start;
  const scope = new Scope('node', ({ task, error }) => log.error('loop-failed', `${task} ended by an error`, { error }));
  const metrics = { call: () => {}, attempt: () => {}, cacheMiss: () => {}, cacheMetric: () => {} };
  const node = await composeNode(config, { ...start, scope, metrics });
  const listeners: OpenListener[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(listeners.map(({ listener }) => listener.close(config.shutdownTimeoutMs)));
    await node.close();
  };
  try {
    for (const listenerConfig of config.listeners) {
      const doors = node.doors(listenerConfig.roles);
      const { clock, engine, streamLimits } = node;
      const { tls, limits } = config;
      const listener = await listen({ config: listenerConfig, tls, limits, streamLimits, engine, clock, log, handlers: doors });
      listeners.push({ listener, doors });
    }
  } catch (error) {
    await close();
    throw error;
  }
  tellEvents(node, listeners, log);
  return { close };
}

/** Every event becomes a line of the log; readiness is told to health checks too. */
function tellEvents(node: ComposedNode, listeners: readonly OpenListener[], log: NodeLog): void {
  const { control } = node.running;
  const [first] = listeners;
  const inference = first === undefined ? '' : `${first.listener.address.host}:${first.listener.address.port}`;
  let isReady = false;
  const look = (): void => {
    for (const { doors } of listeners) doors.readyChanged();
    if (control.ready && !isReady) log.info('node-ready', `the node is ready on ${inference}`, { inference });
    isReady = control.ready;
  };
  control.subscribe(0, (event) => {
    logEvent(event, log);
    if (event.kind.startsWith('runtime-')) look();
  });
  look();
}

function logEvent(event: NodeEvent, log: NodeLog): void {
  log.info(event.kind, event.message, { model: event.model, endpoint: event.endpoint, ...event.fields });
}
