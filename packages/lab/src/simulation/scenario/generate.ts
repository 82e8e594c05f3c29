import { Chance } from '../engine/index.ts';
import type { FaultSpec, ModelSpec, NodeSpec, RuntimeSpec, Scenario, StepSpec, TrafficSpec } from './scenario.ts';

/** Faults, traffic and steps happen in the first so many virtual milliseconds, after the cluster had time to start. */
const START_MS = 4000;
const DURATION_MS = { leastMs: 15_000, spreadMs: 30_000 };

/** Makes a scenario of a seed: another cluster, other models, other trouble for each. */
export function generate(seed: number): Scenario {
  const random = new Chance(seed, 'scenario');
  const durationMs = Math.round(DURATION_MS.leastMs + DURATION_MS.spreadMs * random.unit());
  const honest = random.below(3) > 0;
  const nodes = nodesOf(new Chance(seed, 'nodes'), honest);
  const models = modelsOf(new Chance(seed, 'models'), nodes);
  const draft = { seed, durationMs, nodes, models };
  return {
    ...draft,
    about: '',
    historyMax: random.below(4) === 0 ? 30 : 10_000,
    traffic: trafficOf(new Chance(seed, 'traffic'), draft),
    faults: faultsOf(new Chance(seed, 'faults'), draft),
    // What edits are made has a stream of its own, so that everything else is as it would be without them.
    steps: [...stepsOf(new Chance(seed, 'steps'), draft), ...editsOf(new Chance(seed, 'edits'), draft)],
  };
}

type Draft = Pick<Scenario, 'seed' | 'durationMs' | 'nodes' | 'models'>;

function pick<Item>(random: Chance, items: readonly [Item, ...Item[]] | readonly Item[]): Item {
  return items[random.below(items.length)] as Item;
}

/** A random part of the list; at least one, at most all. */
function some<Item>(random: Chance, items: readonly Item[]): readonly Item[] {
  const chosen = items.filter(() => random.below(2) === 0);
  return chosen.length === 0 ? [pick(random, items)] : chosen;
}

function nodesOf(random: Chance, honest: boolean): readonly NodeSpec[] {
  const count = pick(random, [1, 2, 3, 3, 4, 5]);
  const runtime: RuntimeSpec = {
    capacityMiB: pick(random, [128, 256, 512]),
    loadingConcurrency: 1 + random.below(4),
    loadTimeoutMs: 20_000,
    defaultModelMiB: 32,
    startMs: 200 + random.below(2000),
    measures: random.below(2) === 0,
    predicts: honest ? pick(random, [0, 1]) : pick(random, [0, 0.5, 1, 1.5]),
    says: honest ? 1 : pick(random, [0, 0.7, 1, 1.3]),
    leakKiB: honest ? 0 : pick(random, [0, 256, 2048]),
  };
  const hasSkew = random.below(2) === 0;
  return Array.from({ length: count }, (_, at) => ({
    id: String.fromCharCode(97 + at),
    zone: `zone-${at % 2}`,
    startMs: random.below(1500),
    skewMs: hasSkew ? random.below(120_000) - 60_000 : 0,
    driftPpm: hasSkew ? random.below(1000) - 500 : 0,
    runtime,
  }));
}

function modelsOf(random: Chance, nodes: readonly NodeSpec[]): readonly ModelSpec[] {
  const count = 2 + random.below(14);
  const roomMiB = nodes[0]?.runtime.capacityMiB ?? 128;
  return Array.from({ length: count }, (_, at) => ({
    key: `m${at}`,
    sizeMiB: Math.round(4 + (roomMiB / pick(random, [3, 6, 12])) * random.unit()),
    loadMs: pick(random, [20, 100, 500, 2000]),
    inferMs: pick(random, [1, 5, 30, 400]),
    broken: random.below(12) === 0,
    minCopies: pick(random, [0, 0, 0, 1, 2]),
  }));
}

function trafficOf(random: Chance, { durationMs, nodes, models }: Draft): readonly TrafficSpec[] {
  const keys = models.map(({ key }) => key);
  const count = 1 + random.below(3);
  return Array.from({ length: count }, (_, at) => {
    const kind = pick(random, ['zipf', 'zipf', 'uniform', 'scan', 'hot', 'burst'] as const);
    const fromMs = START_MS + random.below(Math.floor(durationMs / 3));
    const rotated = random.below(keys.length);
    return {
      name: `traffic-${at}`,
      kind,
      fromMs,
      untilMs: Math.min(durationMs, fromMs + 2000 + random.below(durationMs)),
      rate: kind === 'burst' ? 5 + random.below(60) : pick(random, [1, 3, 8]),
      models: [...keys.slice(rotated), ...keys.slice(0, rotated)],
      entry: random.below(3) === 0 ? pick(random, nodes).id : null,
      deadlineMs: pick(random, [500, 5000, 20_000]),
    };
  });
}

function faultsOf(random: Chance, { durationMs, nodes }: Draft): readonly FaultSpec[] {
  const ids = nodes.map(({ id }) => id);
  const everyone = [...ids, 'clients'];
  return Array.from({ length: random.below(5) }, (_, at) => {
    const fromMs = START_MS + random.below(durationMs - START_MS);
    const lengthMs = pick(random, [300, 2000, 8000, 25_000]) * (0.5 + random.unit());
    const frame = { name: `fault-${at}`, fromMs, untilMs: Math.min(durationMs, Math.round(fromMs + lengthMs)) };
    const node = pick(random, ids);
    const hosts = some(random, ids);
    const share = 0.1 + 0.6 * random.unit();
    switch (random.below(11)) {
      case 0:
        return { ...frame, kind: 'registry-away', nodes: random.below(2) === 0 ? ids : hosts };
      case 1:
        return { ...frame, kind: 'registry-slow', nodes: hosts, delayMs: 20 + random.below(1500) };
      case 2:
        return { ...frame, kind: 'registry-loses', nodes: hosts, lostBefore: share / 2, lostAfter: share / 2 };
      case 3:
        return { ...frame, kind: 'partition', from: hosts, to: some(random, everyone), oneWay: random.below(3) === 0 };
      case 4:
        return {
          ...frame,
          kind: 'bad-link',
          from: hosts,
          to: some(random, everyone),
          delayMs: random.below(300),
          loss: share / 2,
        };
      case 5:
        return { ...frame, kind: 'freeze', node };
      case 6:
        return { ...frame, kind: 'slow-loads', node, factor: 2 + random.below(20) };
      case 7:
        return { ...frame, kind: 'refused-loads', node, share };
      case 8:
        return { ...frame, kind: 'hanging-unloads', node };
      case 9:
        return { ...frame, kind: 'failing-unloads', node, share };
      default:
        return { ...frame, kind: 'unavailable-answers', node, share };
    }
  });
}

function stepsOf(random: Chance, draft: Draft): readonly StepSpec[] {
  const { durationMs, nodes, models } = draft;
  const registered = models.map((model, at): StepSpec => {
    const node = pick(random, nodes).id;
    const load = random.below(4) === 0;
    return { name: `register-${at}`, atMs: START_MS - 600 + random.below(500), kind: 'register', node, model: model.key, load };
  });
  const others = Array.from({ length: random.below(8) }, (_, at): StepSpec => {
    const atMs = START_MS + random.below(durationMs - START_MS);
    return { ...stepOf(random, draft), name: `step-${at}`, atMs } as StepSpec;
  });
  return [...registered, ...others.toSorted((a, b) => a.atMs - b.atMs)];
}

/** Edits of a few endpoints: in every second scenario, by whatever node comes first. */
function editsOf(random: Chance, { durationMs, nodes, models }: Draft): readonly StepSpec[] {
  if (random.below(2) === 0) return [];
  return Array.from({ length: 2 + random.below(8) }, (_, at): StepSpec => {
    const variants = some(random, models.slice(0, 4)).map(({ key }) => ({ model: key, weight: 1 + random.below(9) }));
    const atMs = START_MS + 500 + random.below(durationMs - START_MS);
    const node = pick(random, nodes).id;
    return { name: `edit-${at}`, atMs, kind: 'edit-endpoint', node, endpoint: `p${random.below(2)}`, variants };
  }).toSorted((a, b) => a.atMs - b.atMs);
}

type Untimed<Step> = Step extends StepSpec ? Omit<Step, 'name' | 'atMs'> : never;

function stepOf(random: Chance, { nodes, models }: Draft): Untimed<StepSpec> {
  const node = pick(random, nodes).id;
  const model = pick(random, models).key;
  const backMs = pick(random, [200, 2000, 8000]);
  switch (random.below(12)) {
    case 0:
      return { kind: 'register', node, model, load: random.below(2) === 0 };
    case 1:
    case 2:
      return { kind: 'unregister', node, model };
    case 3:
      return { kind: 'load', node, model };
    case 4:
      return { kind: 'unload', node, model };
    case 5:
      return { kind: 'set-endpoint', node, endpoint: `e${random.below(3)}`, model };
    case 6:
      return { kind: 'kill', node, silent: random.below(3) === 0, backMs, anew: random.below(2) === 0 };
    case 7:
      return { kind: 'restart', node, backMs };
    case 8:
      return { kind: 'kill-runtime', node, backMs };
    case 9:
      return { kind: 'lose-model', node, model };
    case 10:
      return {
        kind: 'lose-watches',
        nodes: some(
          random,
          nodes.map(({ id }) => id),
        ),
      };
    default:
      return { kind: 'jump-clock', node, byMs: random.below(120_000) - 60_000 };
  }
}
