import { durationMs } from '@modelmesh/core';
import { Scope } from '@modelmesh/core/scope';
import { migrationMs } from '@modelmesh/core/upkeep';
import { type RunningAdmin, startAdmin } from './admin/index.ts';
import {
  type ComposedNode,
  composeNode,
  LiveLogging,
  LoggedCalls,
  type NodeSurroundings,
  OpenListeners,
} from './compose/index.ts';
import { type Config, followConfig, type LiveConfig } from './config/index.ts';
import type { NodeLog } from './log/index.ts';
import { allOf, createMetrics, createStatsD, type Figures, type Measurements, type NodeMetrics } from './metrics/index.ts';
import { type NodeEvent, readStaticModels, registerStaticModels, systemClock } from './node/index.ts';

/** What a node is started with besides its configuration. */
export interface NodeStart extends Pick<NodeSurroundings, 'version' | 'runtimeCommand' | 'environment' | 'writeLog'> {
  readonly log: NodeLog;
  readonly live: LiveConfig;
  /** The file that the configuration came from and follows; `null` without one. */
  readonly configPath: string | null;
  readonly hostName: string;
}

/** How long the last answers may take to leave, once no call may go on. */
const LAST_WORDS_MS = 500;
/**
 * How long a request may go on arriving once the node shuts down, or half of the grace if that is less: a client that trickles must not keep the
 * node for as long as a call that is being answered may.
 */
const INCOMPLETE_GRACE_MS = 5000;

/** A node that serves. */
export interface RunningNode {
  /** Reads the configuration again. */
  reload(): void;
  /** Takes no new calls, lets those in flight finish within the configured time, then ends everything. */
  close(): Promise<void>;
}

/** Starts a node: control and runtime first, the ports last, so that nothing is refused that a moment later would be served. */
export async function startNode(start: NodeStart): Promise<RunningNode> {
  const config = start.live.current;
  const { log } = start;
  const scope = new Scope('node', ({ task, error }) => log.error('loop-failed', `${task} ended by an error`, { error }));
  const metrics = config.metrics === null ? null : createMetrics(config.metrics, systemClock);
  const statsd = config.statsd === null ? null : createStatsD(config.statsd, systemClock);
  const measurements = allOf([metrics, statsd].filter((sink) => sink !== null));
  const calls = new LoggedCalls(measurements, log, config);
  const logging = new LiveLogging(log, calls, config);
  const onParameters = logging.parametersChanged.bind(logging);
  const node = await composeNode(config, { ...start, scope, metrics: calls, onParameters });
  const opened = new OpenParts(node, log, metrics, measurements);
  try {
    await opened.open(config, start);
  } catch (error) {
    await opened.close(durationMs(0));
    throw error;
  }
  opened.tellEvents(log);
  const followed = followConfig({
    live: start.live,
    path: start.configPath,
    clock: systemClock,
    log,
    changed: ({ config: changed }) => {
      opened.reconfigure(changed);
      logging.configured(changed);
    },
  });
  return {
    reload: () => followed.reload(),
    close: async () => {
      followed.stop();
      await opened.close(config.shutdownTimeoutMs);
    },
  };
}

/** Everything of a node that has to be closed again. */
class OpenParts {
  readonly #node: ComposedNode;
  readonly #metrics: NodeMetrics | null;
  readonly #measurements: Measurements;
  readonly #listeners: OpenListeners;
  #admin: RunningAdmin | undefined;
  #isClosing = false;

  constructor(node: ComposedNode, log: NodeLog, metrics: NodeMetrics | null, measurements: Measurements) {
    this.#node = node;
    this.#listeners = new OpenListeners(node, log);
    this.#metrics = metrics;
    this.#measurements = measurements;
    const { threads } = node;
    if (threads !== null) metrics?.mergeWith(() => threads.pool.measure());
    measurements.readFrom(() => this.#figures());
  }

  async open(config: Config, { log, hostName }: NodeStart): Promise<void> {
    const { clock } = this.#node;
    this.#admin = await startAdmin({
      config,
      clock,
      log,
      hostName,
      renderMetrics: (names) => this.#metrics?.render(names) ?? Promise.resolve(''),
      readiness: () => this.#readiness(),
      isLive: () => true,
    });
    await this.#registerStatic(config, log);
    await this.#listeners.open(config);
  }

  /** Before any port is open for calls, and after the probes: a start that waits for models is not a node that hangs. */
  async #registerStatic({ staticModels, readOnly }: Config, log: NodeLog): Promise<void> {
    const { models, warnings } = readStaticModels(staticModels);
    for (const warning of warnings) log.warn('static-models', warning);
    if (models.length > 0 && readOnly)
      log.warn('static-models', `${models.length} configured models are not registered: the registry is read-only`);
    else await registerStaticModels(models, { control: this.#node.running.control, clock: this.#node.clock, log });
  }

  /** Takes a changed configuration over, as far as it may change while the node runs. */
  reconfigure(config: Config): void {
    // What may be refused comes first, so that nothing is changed then.
    if (config.tls !== null) {
      this.#listeners.useTls(config.tls);
      this.#admin?.useTls(config.tls);
    }
    this.#node.reconfigure(config);
    this.#listeners.setLimits(config.limits);
  }

  /** Every event becomes a line of the log; readiness is told to health checks too. */
  tellEvents(log: NodeLog): void {
    const { control } = this.#node.running;
    let isReady = false;
    const look = (): void => {
      this.#listeners.readyChanged();
      if (control.ready && !isReady) log.info('node-ready', 'the node is ready', this.#addresses());
      isReady = control.ready;
    };
    control.subscribe(0, (event) => {
      logEvent(event, log);
      if (event.kind.startsWith('runtime-')) look();
    });
    look();
  }

  async close(totalMs: Config['shutdownTimeoutMs']): Promise<void> {
    this.#isClosing = true;
    const startedMs = this.#node.clock.monotonicMs();
    // Calls are served here until the copies serve elsewhere.
    if (totalMs > 0) await this.#node.running.leave(migrationMs(totalMs));
    const graceMs = durationMs(Math.max(0, totalMs - (this.#node.clock.monotonicMs() - startedMs)));
    // Calls that did not finish in time get an answer that says so, while there still is a connection to say it on.
    const last = this.#node.clock.after(graceMs, () => this.#node.dataPlane.close());
    const untilMs = durationMs(graceMs + LAST_WORDS_MS);
    const incompleteMs = durationMs(Math.min(INCOMPLETE_GRACE_MS, graceMs / 2));
    const lateMs = durationMs(incompleteMs + LAST_WORDS_MS);
    const closing = this.#listeners.close({ graceMs, untilMs, incompleteMs, lateMs });
    await Promise.all([closing, this.#node.peerPort?.close(untilMs)]);
    last.cancel();
    await this.#node.close();
    this.#admin?.shutdownFinished();
    await this.#admin?.close();
    this.#measurements.close();
  }

  #readiness(): { readonly ready: true } | { readonly ready: false; readonly reason: string } {
    if (this.#isClosing) return { ready: false, reason: 'the node is shutting down' };
    if (this.#node.threads?.pool.isServing === false) return { ready: false, reason: 'no worker takes calls' };
    if (this.#node.running.control.ready) return { ready: true };
    return { ready: false, reason: this.#node.running.notReadyBecause() ?? 'it is starting' };
  }

  #figures(): Figures {
    const { running, threads } = this.#node;
    const figures = running.figures();
    const connections = this.#listeners.counts();
    const limitsReached = new Map([...figures.limitsReached, ...this.#node.limitsReached()]);
    const workers = threads === null ? {} : { workers: threads.pool.figures() };
    return {
      ...figures,
      connections,
      limitsReached,
      tokens: this.#node.tokens.figures,
      strategies: this.#node.plugins.figures(),
      ...workers,
    };
  }

  #addresses(): Readonly<Record<string, string>> {
    const [inference, management] = this.#listeners.addresses.map(({ host, port }) => `${host}:${port}`);
    const admin = Object.entries({
      probes: this.#admin?.probes,
      prestop: this.#admin?.prestop,
      metrics: this.#admin?.metrics,
      peers: this.#node.peerPort?.address,
    });
    const open = admin.flatMap(([name, place]) => (place ? [[name, `${place.host}:${place.port}`]] : []));
    return { inference: inference ?? '', ...(management === undefined ? {} : { management }), ...Object.fromEntries(open) };
  }
}

function logEvent(event: NodeEvent, log: NodeLog): void {
  log.info(event.kind, event.message, { model: event.model, endpoint: event.endpoint, ...event.fields });
}
