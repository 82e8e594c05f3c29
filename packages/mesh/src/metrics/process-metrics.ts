import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import { PROCESS_METRICS } from './catalogue.ts';

/** How often the delay of the event loop is sampled: often enough to see stalls, seldom enough to cost nothing. */
const LAG_SAMPLE_MS = 50;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/** Delays of the event loop of this thread, in seconds. */
interface EventLoopDelay {
  mean(): number;
  p99(): number;
  max(): number;
  /** Forgets what was sampled. */
  reset(): void;
  stop(): void;
}

/** Samples the delays of this thread's event loop. */
export function sampleEventLoop(): EventLoopDelay {
  const lag = monitorEventLoopDelay({ resolution: LAG_SAMPLE_MS });
  lag.enable();
  // The sampler counts its own interval as delay; before the first sample there is none.
  const delay = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / NANOSECONDS - LAG_SAMPLE_MS / 1000) : 0;
  return {
    mean: () => delay(lag.mean),
    p99: () => delay(lag.percentile(99)),
    max: () => delay(lag.max),
    reset: () => lag.reset(),
    stop: () => void lag.disable(),
  };
}

/** Adds the metrics of this process, read at each scrape. The returned function ends the sampling. */
export function addProcessMetrics(registry: Registry): () => void {
  const lag = sampleEventLoop();
  const gauges: Readonly<Record<Exclude<keyof typeof PROCESS_METRICS, 'process_cpu_seconds_total'>, () => number>> = {
    process_resident_memory_bytes: () => process.memoryUsage.rss(),
    nodejs_heap_size_used_bytes: () => process.memoryUsage().heapUsed,
    nodejs_heap_size_total_bytes: () => process.memoryUsage().heapTotal,
    nodejs_external_memory_bytes: () => process.memoryUsage().external,
    nodejs_eventloop_lag_mean_seconds: () => lag.mean(),
    nodejs_eventloop_lag_p99_seconds: () => lag.p99(),
    nodejs_eventloop_lag_max_seconds: () => {
      // The last one that is read: the next scrape sees what happens from now on.
      const max = lag.max();
      lag.reset();
      return max;
    },
  };
  let counted = 0;
  new Counter({
    name: 'process_cpu_seconds_total',
    help: PROCESS_METRICS.process_cpu_seconds_total.help,
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      const total = (user + system) / MICROSECONDS;
      this.inc(Math.max(0, total - counted));
      counted = Math.max(counted, total);
    },
  });
  for (const [name, read] of Object.entries(gauges)) {
    const { help } = PROCESS_METRICS[name as keyof typeof gauges];
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  }
  return () => lag.stop();
}
