import type { Clock } from '@modelmesh/core';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { WorkerLimitLabel } from '../link/index.ts';
import type { LimitName } from '../node/index.ts';
import type { AnswerKind, StrategyState } from '../plugins/index.ts';
import type { TokenFigures } from '../tokens/index.ts';
import { MODELMESH_METRICS, type NamesOf, OWN_METRICS } from './catalogue.ts';
import type { WorkerFigures } from './worker-metrics.ts';

/** What gauges show, read at each scrape. */
export interface Figures {
  /** Without the unload reserve. */
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly bookedBytes: number;
  /** Copies on this instance. */
  readonly models: number;
  /** Last use of the copy that would go first, as milliseconds since 1970; `null` when there is none. */
  readonly leastRecentUseMs: number | null;
  readonly modelsManaged: number;
  readonly modelsLoaded: number;
  readonly modelsWithFailure: number;
  /** Whether this node leads: the numbers of the whole mesh are told by one node, so that they can be summed. */
  readonly leads: boolean;
  /** Over all ports, since the start. */
  readonly connections: { readonly open: number; readonly refused: number };
  /** How often something was refused, left out or ended for a limit of control or of HTTP/2, since the start. */
  readonly limitsReached: ReadonlyMap<LimitName | WorkerLimitLabel, number>;
  /** What the worker in this thread did with tokens, since the start. */
  readonly tokens?: TokenFigures;
  /** Strategies of plug-ins in the path of requests, over all threads. */
  readonly strategies?: readonly StrategyFigures[];
  /** Left out where no worker has a thread of its own. */
  readonly workers?: WorkerFigures;
}

/** How a strategy of a plug-in in the path of requests stands. */
export interface StrategyFigures {
  readonly strategy: string;
  /** `on`, else why it is barred. */
  readonly state: StrategyState;
  /** Since the start, by what became of the question. */
  readonly answers: ReadonlyMap<AnswerKind, number>;
}

/** What is known of ports wherever they are. */
export type PortFigures = Pick<Figures, 'connections' | 'limitsReached' | 'tokens'>;

type GaugeName = Exclude<
  NamesOf<typeof MODELMESH_METRICS, 'gauge'> | NamesOf<typeof OWN_METRICS, 'gauge'>,
  'mesh_connections' | 'mesh_tokens_remembered' | 'mesh_strategy_barred'
>;

/** Parts of ten thousand. */
const BASIS_POINTS = 10_000;

/** `null`: another node tells it. */
const READ: Readonly<Record<GaugeName, (figures: Figures, wallMs: number) => number | null>> = {
  modelmesh_models_loaded_total: ({ leads, modelsLoaded }) => (leads ? modelsLoaded : null),
  modelmesh_models_with_failure_total: ({ leads, modelsWithFailure }) => (leads ? modelsWithFailure : null),
  modelmesh_models_managed_total: ({ leads, modelsManaged }) => (leads ? modelsManaged : null),
  modelmesh_instance_lru_seconds: ({ leastRecentUseMs }) => Math.floor((leastRecentUseMs ?? 0) / 1000),
  modelmesh_instance_lru_age_seconds: ({ leastRecentUseMs }, wallMs) =>
    leastRecentUseMs === null ? 0 : Math.max(0, Math.floor((wallMs - leastRecentUseMs) / 1000)),
  modelmesh_instance_capacity_bytes: ({ capacityBytes }) => capacityBytes,
  modelmesh_instance_used_bytes: ({ usedBytes }) => usedBytes,
  modelmesh_instance_used_bps: ({ usedBytes, capacityBytes }) =>
    capacityBytes === 0 ? 0 : Math.floor((usedBytes * BASIS_POINTS) / capacityBytes),
  modelmesh_instance_models_total: ({ models }) => models,
  mesh_instance_booked_bytes: ({ bookedBytes }) => bookedBytes,
};

/** ModelMesh's gauges as they stand; `null`: another node tells it. */
export function modelMeshGauges(figures: Figures, wallMs: number) {
  const names = Object.keys(READ).filter((name): name is NamesOf<typeof MODELMESH_METRICS, 'gauge'> => name in MODELMESH_METRICS);
  return names.map((name) => [name, READ[name](figures, wallMs)] as const);
}

/** Adds the gauges. `read` is called once for each at a scrape, so it is kept for the turn. */
export function addGauges(registry: Registry, read: () => Figures | null, clock: Clock): void {
  let kept: { readonly figures: Figures | null } | null = null;
  const figures = (): Figures | null => {
    if (kept === null) {
      kept = { figures: read() };
      // A scrape asks for all of them in one turn; the next one asks anew.
      queueMicrotask(() => {
        kept = null;
      });
    }
    return kept.figures;
  };
  for (const name of Object.keys(READ) as GaugeName[]) {
    const help = { ...MODELMESH_METRICS, ...OWN_METRICS }[name].help;
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const now = figures();
        const value = now === null ? 0 : READ[name](now, clock.wallMs());
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  }
  addStrategies(registry, figures);
  addPortFigures(registry, figures);
}

/** Adds connections as they stand, and what is counted elsewhere since the start. */
export function addPortFigures(registry: Registry, figures: () => PortFigures | null): void {
  new Gauge({
    name: 'mesh_connections',
    help: OWN_METRICS.mesh_connections.help,
    registers: [registry],
    collect() {
      this.set(figures()?.connections.open ?? 0);
    },
  });
  let counted = 0;
  new Counter({
    name: 'mesh_connections_refused_total',
    help: OWN_METRICS.mesh_connections_refused_total.help,
    registers: [registry],
    collect() {
      const refused = figures()?.connections.refused ?? 0;
      this.inc(Math.max(0, refused - counted));
      counted = Math.max(counted, refused);
    },
  });
  const reached = new Map<LimitName | WorkerLimitLabel, number>();
  new Counter({
    name: 'mesh_limits_reached_total',
    help: OWN_METRICS.mesh_limits_reached_total.help,
    labelNames: ['limit'],
    registers: [registry],
    collect() {
      for (const [limit, times] of figures()?.limitsReached ?? []) {
        this.inc({ limit }, Math.max(0, times - (reached.get(limit) ?? 0)));
        reached.set(limit, times);
      }
    },
  });
  addTokens(registry, () => figures()?.tokens ?? null);
}

/** Adds how strategies of plug-ins in the path of requests stand. */
function addStrategies(registry: Registry, figures: () => Figures | null): void {
  new Gauge({
    name: 'mesh_strategy_barred',
    help: OWN_METRICS.mesh_strategy_barred.help,
    labelNames: ['strategy', 'reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { strategy, state } of figures()?.strategies ?? []) if (state !== 'on') this.set({ strategy, reason: state }, 1);
    },
  });
  new Counter({
    name: 'mesh_strategy_answers_total',
    help: OWN_METRICS.mesh_strategy_answers_total.help,
    labelNames: ['strategy', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { strategy, answers } of figures()?.strategies ?? [])
        for (const [outcome, times] of answers) this.inc({ strategy, outcome }, times);
    },
  });
}

/** Adds what became of tokens of sticky endpoints. */
function addTokens(registry: Registry, figures: () => TokenFigures | null): void {
  new Gauge({
    name: 'mesh_tokens_remembered',
    help: OWN_METRICS.mesh_tokens_remembered.help,
    registers: [registry],
    collect() {
      this.set(figures()?.remembered ?? 0);
    },
  });
  new Counter({
    name: 'mesh_tokens_forgotten_total',
    help: OWN_METRICS.mesh_tokens_forgotten_total.help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(figures()?.forgotten ?? 0);
    },
  });
  new Counter({
    name: 'mesh_tokens_total',
    help: OWN_METRICS.mesh_tokens_total.help,
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, times] of figures()?.outcomes ?? []) this.inc({ outcome }, times);
    },
  });
}
