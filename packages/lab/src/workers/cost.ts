import { type Cost, costOf, type GrpcDriver, type Pressure, type Subject, throughNode } from '../bench/index.ts';
import { echoRequest, registerNull, startNullNode } from '../burst/index.ts';
import { digits, judged, pairedRatios, type Spread, spreadOf, type Table } from '../figures/index.ts';

/** CPU of a call with two workers, in that of a call with one. */
export const TWO_WORKERS_CPU_MAX = 1.15;

/** How long the measurement is. */
export interface CostPlan {
  readonly rounds: number;
  /** Calls of one run. */
  readonly calls: number;
  readonly driver: GrpcDriver;
}

const WAYS = {
  one: {},
  ownThread: { 'worker-threads': 'always' },
  two: { workers: '2' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;
type Way = keyof typeof WAYS;
const WAY_NAMES = Object.keys(WAYS) as readonly Way[];

/** Calls at a time: connections, and streams on each. */
const PRESSURES = { '4 × 8': [4, 8], '16 × 16': [16, 16], '1 × 1': [1, 1] } as const;
type PressureName = keyof typeof PRESSURES;
const PRESSURE_NAMES = Object.keys(PRESSURES) as readonly PressureName[];

/** What one way of having workers costs under one pressure. */
export interface WayFigures {
  /** CPU of the node in microseconds a call, runtime aside; throughput and latency. Medians. */
  readonly cost: Cost;
  /** CPU and throughput in those of one worker in control's thread, in pairs of runs. */
  readonly cpuRatio: Spread;
  readonly throughputRatio: Spread;
}

/** By pressure and way. */
export type CostFigures = Readonly<Record<PressureName, Readonly<Record<Way, WayFigures>>>>;

const BYTES = 256;
/** So many that both of two workers run compiled code. */
const WARM_CALLS = 30_000;
/** One call at a time takes so many times as long. */
const SINGLE_SHARE = 5;

/** Measures calls of 256 bytes through nodes with one worker, with one in a thread of its own, and with two, in turns. */
export async function runCost(plan: CostPlan, tell: (line: string) => void = () => {}): Promise<CostFigures> {
  await using nodes = new AsyncDisposableStack();
  const subjects: [Way, Subject][] = [];
  for (const way of WAY_NAMES) {
    const node = nodes.use(await startNullNode(WAYS[way]));
    await registerNull(node, 'echo', '');
    const subject = throughNode(node, echoRequest('echo', Buffer.alloc(BYTES, 1)), plan.driver);
    subjects.push([way, { ...subject, pids: () => [node.pid] }]);
  }
  const runs = { '4 × 8': costsOfWays(), '16 × 16': costsOfWays(), '1 × 1': costsOfWays() };
  for (const [, subject] of subjects) await costOf(subject, pressureOf('16 × 16', WARM_CALLS));
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of PRESSURE_NAMES)
      for (const [way, subject] of rotated(subjects, round))
        runs[name][way].push(await costOf(subject, pressureOf(name, plan.calls)));
    tell(`round ${round + 1} of ${plan.rounds}`);
  }
  const figures = (name: PressureName) => {
    const of = (way: Way): WayFigures => ({
      cost: middleOf(runs[name][way]),
      cpuRatio: ratioOf(runs[name], way, ({ cpuUs }) => cpuUs),
      throughputRatio: ratioOf(runs[name], way, ({ perSecond }) => perSecond),
    });
    return { one: of('one'), ownThread: of('ownThread'), two: of('two') };
  };
  return { '4 × 8': figures('4 × 8'), '16 × 16': figures('16 × 16'), '1 × 1': figures('1 × 1') };
}

function pressureOf(name: PressureName, calls: number): Pressure {
  const [connections, streamsPerConnection] = PRESSURES[name];
  return { connections, streamsPerConnection, calls: name === '1 × 1' ? Math.ceil(calls / SINGLE_SHARE) : calls };
}

/** Each is as often first, so that what others do to the machine meets all alike. */
const rotated = <Item>(items: readonly Item[], by: number): readonly Item[] => [
  ...items.slice(by % items.length),
  ...items.slice(0, by % items.length),
];

const costsOfWays = (): Record<Way, Cost[]> => ({ one: [], ownThread: [], two: [] });

const ratioOf = (runs: Readonly<Record<Way, readonly Cost[]>>, way: Way, of: (cost: Cost) => number): Spread =>
  spreadOf(pairedRatios(runs[way].map(of), runs.one.map(of)));

function middleOf(costs: readonly Cost[]): Cost {
  const middle = (of: (cost: Cost) => number): number => spreadOf(costs.map(of)).median;
  return {
    cpuUs: middle(({ cpuUs }) => cpuUs),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    perSecond: middle(({ perSecond }) => perSecond),
  };
}

/** Whether two workers cost no more than they should, where four connections call. */
export const costHolds = (figures: CostFigures): boolean => figures['4 × 8'].two.cpuRatio.median <= TWO_WORKERS_CPU_MAX;

const NAMES: Readonly<Record<Way, string>> = {
  one: "one worker, control's thread",
  ownThread: 'one worker, a thread of its own',
  two: 'two workers',
};

/** What workers cost: a table for each pressure, a line for each way of having them. */
export function costTables(figures: CostFigures): readonly Table[] {
  const shown = ({ median, min, max }: Spread): string => `${digits(median)} (${digits(min)}–${digits(max)})`;
  return PRESSURE_NAMES.map((name) => ({
    title: `Workers of the data plane: CPU of the node a call, 256 B, null runtime, ${name} calls at a time`,
    columns: ['', 'CPU µs', 'in that of one', 'aim', 'calls/s', 'in those of one', 'p50 ms', 'p99 ms'],
    rows: WAY_NAMES.map((way) => {
      const { cost, cpuRatio, throughputRatio } = figures[name][way];
      const isJudged = way === 'two' && name === '4 × 8';
      return [
        NAMES[way],
        digits(cost.cpuUs, 1),
        isJudged ? judged(shown(cpuRatio), costHolds(figures)) : shown(cpuRatio),
        isJudged ? digits(TWO_WORKERS_CPU_MAX) : '',
        digits(cost.perSecond, 0),
        shown(throughputRatio),
        digits(cost.p50Ms),
        digits(cost.p99Ms),
      ];
    }),
  }));
}
