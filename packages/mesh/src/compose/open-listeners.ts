import type { DurationMs } from '@modelmesh/core';
import type { Config, ListenerConfig, TlsConfig } from '../config/index.ts';
import { listen, type RunningListener } from '../dataplane/index.ts';
import type { Log } from '../log/index.ts';
import type { ComposedNode } from './compose-node.ts';
import type { Doors } from './doors.ts';

/** One listener of a node. */
interface OpenListener {
  readonly doors: Doors;
  readonly address: RunningListener['address'];
  /** What listens in this thread. */
  readonly listener: RunningListener;
  /** `relay`: a unix socket of this process, behind the workers that have the port. */
  readonly at: 'port' | 'relay';
}

/** The ports of a node for its callers: at workers' threads those where calls are served, where there are such threads, else here. */
export class OpenListeners {
  readonly #node: ComposedNode;
  readonly #log: Log;
  #open: readonly OpenListener[] = [];

  constructor(node: ComposedNode, log: Log) {
    this.#node = node;
    this.#log = log;
  }

  /** Opens all of them; on failure {@link close} closes those that are open. @throws {MeshError} as `listen` */
  async open(config: Config): Promise<void> {
    const { threads } = this.#node;
    const all = config.listeners.map((one) => ({ config: one, doors: this.#node.doors(one.roles) }));
    // A unix socket cannot be shared, and where no calls are served there is nothing to share.
    const shared =
      threads === null ? [] : all.filter(({ config: one }) => one.roles.has('inference') && one.socketPath === undefined);
    const opened = new Map<ListenerConfig, OpenListener>();
    const keep = (one: ListenerConfig, listener: OpenListener): void => {
      opened.set(one, listener);
      // As they are configured: whoever reads the log expects the port for calls first.
      this.#open = config.listeners.flatMap((known) => opened.get(known) ?? []);
    };
    if (threads !== null && shared.length > 0) {
      const { places, relays } = await threads.serve(shared);
      for (const [index, { config: one, doors }] of shared.entries()) {
        const [address, listener] = [places[index], relays[index]];
        if (address !== undefined && listener !== undefined) keep(one, { doors, address, listener, at: 'relay' });
      }
    }
    for (const one of all) {
      if (shared.includes(one)) continue;
      const listener = await this.#listen(one.config, one.doors, config);
      keep(one.config, { doors: one.doors, address: listener.address, listener, at: 'port' });
    }
  }

  /** Where they listen, in the order of the configuration. */
  get addresses(): readonly RunningListener['address'][] {
    return this.#open.map(({ address }) => address);
  }

  /** Connections at ports of this thread. */
  counts(): { readonly open: number; readonly refused: number } {
    const counts = this.#ports().map((listener) => listener.counts());
    return {
      open: counts.reduce((sum, { open }) => sum + open, 0),
      refused: counts.reduce((sum, { refused }) => sum + refused, 0),
    };
  }

  /** Other certificate files. @throws {MeshError} `invalid-argument` if they cannot be used: the old ones stay in force. */
  useTls(tls: TlsConfig): void {
    for (const listener of this.#ports()) listener.useTls(tls);
  }

  /** Other bounds of connections. */
  setLimits(limits: Config['limits']): void {
    for (const listener of this.#ports()) listener.setLimits(limits);
  }

  /** The node became ready or unready. */
  readyChanged(): void {
    for (const { doors } of this.#open) doors.readyChanged();
  }

  /** Takes no more calls; see {@link RunningListener.close}. Calls have `graceMs`, what is left then goes at `untilMs`. */
  async close(times: {
    readonly graceMs: DurationMs;
    readonly untilMs: DurationMs;
    readonly incompleteMs: DurationMs;
    readonly lateMs: DurationMs;
  }): Promise<void> {
    const { graceMs, untilMs, incompleteMs, lateMs } = times;
    // What knows better how to refuse comes first.
    for (const { doors } of this.#open) doors.drain(incompleteMs);
    const relays = this.#open.filter(({ at }) => at === 'relay');
    const workers = this.#node.threads?.close(graceMs, incompleteMs);
    await Promise.all([...this.#ports().map((listener) => listener.close(untilMs, lateMs)), workers]);
    // Nothing comes over them any more.
    await Promise.all(relays.map(({ listener }) => listener.close(lateMs)));
  }

  #ports(): readonly RunningListener[] {
    return this.#open.filter(({ at }) => at === 'port').map(({ listener }) => listener);
  }

  #listen(one: ListenerConfig, doors: Doors, { tls, limits }: Config): Promise<RunningListener> {
    const { clock, engine, streamLimits } = this.#node;
    return listen({ config: one, tls, limits, streamLimits, engine, clock, log: this.#log, handlers: doors });
  }
}
