import { Counter, Gauge, type Registry } from 'prom-client';
import { WORKER_METRICS } from './catalogue.ts';
import { sampleEventLoop } from './process-metrics.ts';

/** What control knows of workers in threads of their own. */
export interface WorkerFigures {
  /** By worker. */
  readonly streams: ReadonlyMap<number, number>;
  /** Since the start, by reason. */
  readonly restarts: ReadonlyMap<'silent' | 'ended', number>;
  readonly connectionsShed: number;
}

/** Adds what control knows of workers; nothing is shown while there are none. */
export function addWorkers(registry: Registry, read: () => WorkerFigures | null): void {
  new Gauge({
    name: 'mesh_worker_streams',
    help: WORKER_METRICS.mesh_worker_streams.help,
    labelNames: ['worker'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [worker, streams] of read()?.streams ?? []) this.set({ worker }, streams);
    },
  });
  const restarts = new Map<string, number>();
  new Counter({
    name: 'mesh_worker_restarts_total',
    help: WORKER_METRICS.mesh_worker_restarts_total.help,
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      for (const [reason, times] of read()?.restarts ?? []) {
        this.inc({ reason }, Math.max(0, times - (restarts.get(reason) ?? 0)));
        restarts.set(reason, times);
      }
    },
  });
  let counted = 0;
  new Counter({
    name: 'mesh_worker_connections_shed_total',
    help: WORKER_METRICS.mesh_worker_connections_shed_total.help,
    registers: [registry],
    collect() {
      const shed = read()?.connectionsShed ?? 0;
      this.inc(Math.max(0, shed - counted));
      counted = Math.max(counted, shed);
    },
  });
}

/** Adds the delay of this thread's event loop, as that of a worker. The returned function ends the sampling. */
export function addEventLoopOf(worker: number, registry: Registry): () => void {
  const lag = sampleEventLoop();
  new Gauge({
    name: 'mesh_worker_eventloop_lag_p99_seconds',
    help: WORKER_METRICS.mesh_worker_eventloop_lag_p99_seconds.help,
    labelNames: ['worker'],
    registers: [registry],
    collect() {
      this.set({ worker }, lag.p99());
      lag.reset();
    },
  });
  return () => lag.stop();
}
