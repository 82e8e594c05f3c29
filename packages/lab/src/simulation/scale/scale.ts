import {
  bytes,
  durationMs,
  epochMs,
  type InstanceId,
  instanceId,
  type ModelKey,
  modelKey,
  sizeUnits,
  unitsForBytes,
} from '@modelmesh/core';
import { ClusterView } from '@modelmesh/core/cluster';
import { place, Reservations, UpgradeTracker } from '@modelmesh/core/placement';
import {
  type InstanceRecord,
  instanceRecordKey,
  type ModelRecord,
  modelRecordKey,
  newInstanceRecord,
  newModelRecord,
  withCopyClaimed,
} from '@modelmesh/core/records';
import { KV_OPERATIONS_MAX, type KvOperation } from '@modelmesh/mesh/kv';
import { encodeRecord, recordKeyText } from '@modelmesh/wire/registry';
import { median } from '../../figures/index.ts';
import { Cluster, type NodeLife } from '../cluster/index.ts';
import { WORLD_WALL_START_MS, World } from '../engine/index.ts';
import type { NodeSpec, Scenario } from '../scenario/index.ts';

const MIB = 1024 * 1024;
const HEAVY_MIB = 50;
/** Questions and decisions come one after the other in virtual time, so that what was reserved is settled as it is in life. */
const QUESTION_EVERY_MS = 2;
/** Decisions before those that count. */
const WARM_UP = 3000;
const REPEATS = 3;
const ROUTED_MODELS = 256;
const ROUTED_CALLS = 10_000;
const ROUTING_ROUNDS = 100;
/** A node has so much virtual time to list a registry of that size. */
const START_MS = 60_000;

/** What a cluster of that size costs one of its nodes. */
export interface ScaleFigures {
  readonly nodes: number;
  readonly models: number;
  readonly questions: number;
  /** Where a copy is loaded: the decision alone, each the fastest of {@link REPEATS}, since what is above was taken by other programs. */
  readonly placementMedianUs: number;
  readonly placementP99Us: number;
  /** From the question for a model that has no copy until the answer that names a node: the decision, its record, and the link to control and back. */
  readonly locateMedianUs: number;
  /** Where a call goes whose model has copies elsewhere: its route looked up and a copy chosen, among few models and among all. */
  readonly fewModels: number;
  readonly routingAmongFewNs: number;
  readonly routingNs: number;
  /** Real time in which the node took the picture over. */
  readonly startMs: number;
}

const NODE: NodeSpec = {
  id: 'n0',
  zone: 'zone-0',
  startMs: 0,
  skewMs: 0,
  driftPpm: 0,
  runtime: {
    capacityMiB: 4096,
    loadingConcurrency: 4,
    loadTimeoutMs: 20_000,
    defaultModelMiB: HEAVY_MIB,
    startMs: 10,
    measures: true,
    predicts: 1,
    says: 1,
    leakKiB: 0,
  },
};

const SCENARIO: Scenario = {
  seed: 1,
  about: 'one node of a large cluster',
  durationMs: START_MS,
  historyMax: 10_000,
  nodes: [NODE],
  models: [],
  traffic: [],
  faults: [],
  steps: [],
};

/** How much is measured. */
export interface ScaleWish {
  readonly nodes: number;
  readonly models: number;
  readonly fewModels: number;
  readonly questions: number;
  readonly nowMs: () => number;
}

/** Starts production's control in a registry that names so many nodes and models, and asks it where models are to be loaded and calls are to go. */
export async function measureScale({ nodes, models, fewModels, questions, nowMs }: ScaleWish): Promise<ScaleFigures> {
  const few = await start(nodes, fewModels);
  const startedMs = nowMs();
  const { world, life, records, filledMs } = await start(nodes, models, nowMs);
  const startMs = nowMs() - startedMs - filledMs;
  const [routingAmongFewNs, routingNs] = routing([few.life, life], nowMs);
  const random = world.random('questions');
  const tookUs: number[] = [];
  for (let at = 0; at < questions; at++) {
    tookUs.push(await locateUs(life, coldModel(random.below(models)), nowMs));
    await world.run(world.nowMs + QUESTION_EVERY_MS);
  }
  const placedUs = placements(records, models, questions, nowMs).toSorted((a, b) => a - b);
  return {
    nodes,
    models,
    questions,
    placementMedianUs: median(placedUs),
    placementP99Us: placedUs[Math.floor(placedUs.length * 0.99)] ?? Number.NaN,
    locateMedianUs: median(tookUs),
    fewModels,
    routingAmongFewNs: routingAmongFewNs ?? Number.NaN,
    routingNs: routingNs ?? Number.NaN,
    startMs,
  };
}

/** A node that has taken over the picture of so many nodes and models. */
async function start(nodes: number, models: number, nowMs = (): number => 0) {
  const world = new World(SCENARIO.seed);
  const cluster = await Cluster.build(world, SCENARIO);
  const beganMs = nowMs();
  const records = await fill(cluster, nodes, models);
  const filledMs = nowMs() - beganMs;
  const node = cluster.nodes.get(NODE.id);
  node?.start(false);
  await world.run(START_MS);
  const life = node?.serving;
  if (life === undefined) throw new Error('the node did not come up');
  return { world, life, records, filledMs };
}

/** Every second model has copies, the others have none. */
const warmModel = (at: number): string => `model-${at - (at % 2)}`;
const coldModel = (at: number): string => `model-${at - (at % 2) + 1}`;

/** Decides for so many models where they are loaded; each decision gives its memory away, and an instance publishes itself before it. */
function placements(records: readonly InstanceRecord[], models: number, count: number, nowMs: () => number): readonly number[] {
  const view = new ClusterView({ defaultModelUnits: unitsForBytes(bytes(HEAVY_MIB * MIB)), minChurnAgeMs: durationMs(0) });
  const upgrades = new UpgradeTracker();
  const reservations = new Reservations();
  for (const record of records) {
    view.put(record);
    upgrades.put(record, epochMs(WORLD_WALL_START_MS));
  }
  const self = instanceId(NODE.id);
  const units = unitsForBytes(bytes(HEAVY_MIB * MIB));
  const around = { cluster: view, upgrades, reservations, self, failureExpiryMs: durationMs(900_000) };
  const nobody: ReadonlySet<InstanceId> = new Set();
  const decide = (at: number): number => {
    const wallMs = epochMs(WORLD_WALL_START_MS + at * QUESTION_EVERY_MS);
    const record = records[at % records.length];
    if (record !== undefined) view.put({ ...record, requestsPerMinute: at });
    const { namespace, key, type, copies, failures } = modelRecord(coldModel((at * 7) % models));
    const request = { namespace, model: key, type, units, copies, failures, exclude: nobody, tried: nobody };
    let fastestUs = Number.POSITIVE_INFINITY;
    for (let again = 0; again < REPEATS; again++) {
      const startedMs = nowMs();
      const decision = place({ ...request, lastUsedMs: wallMs, favourSelf: false }, { ...around, nowMs: wallMs });
      fastestUs = Math.min(fastestUs, (nowMs() - startedMs) * 1000);
      if (decision.kind === 'nowhere') throw new Error(decision.because);
      if (again === REPEATS - 1) reservations.reserve(decision.chosen.instance.record, units, wallMs);
    }
    return fastestUs;
  };
  for (let at = 0; at < WARM_UP; at++) decide(at);
  return Array.from({ length: count }, (_, at) => decide(WARM_UP + at));
}

/**
 * How long a call takes to find its copy in each of the nodes. The same few models are asked for again and again: what is not in the processor's
 * caches is slower in a larger table, whoever looks it up. The nodes take turns, so that what else the machine does strikes both.
 */
function routing(lives: readonly NodeLife[], nowMs: () => number): readonly number[] {
  const keys = Array.from({ length: ROUTED_MODELS }, (_, at) => modelKey(warmModel(at * 2)));
  const fastestMs = lives.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUTING_ROUNDS; round++) {
    for (const [which, life] of lives.entries())
      fastestMs[which] = Math.min(fastestMs[which] ?? 0, routingRoundMs(life, keys, nowMs));
  }
  return fastestMs.map((ms) => (ms * 1_000_000) / ROUTED_CALLS);
}

function routingRoundMs({ dataPlane }: NodeLife, keys: readonly ModelKey[], nowMs: () => number): number {
  const { routes, copies } = dataPlane.plane;
  const nobody: ReadonlySet<InstanceId> = new Set();
  const startedMs = nowMs();
  for (let call = 0; call < ROUTED_CALLS; call++) {
    const route = routes.model(keys[call % ROUTED_MODELS] ?? '');
    const choice = route === undefined ? undefined : copies.choose(route, nobody, false);
    if (choice?.kind !== 'peer') throw new Error(`${route?.key} is not called elsewhere`);
  }
  return nowMs() - startedMs;
}

/** Asks as the data plane does for a call, and takes the time until it is answered. */
function locateUs(life: NodeLife, model: string, nowMs: () => number): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedMs = nowMs();
    const answered = (): void => resolve((nowMs() - startedMs) * 1000);
    const { locator } = life.dataPlane.plane;
    const waiter = {
      onLocated: answered,
      onPeerLocated: answered,
      onNotHere: (message: string) => reject(new Error(message)),
      onLocateFailed: reject,
    };
    // A load of its own would be waited for; the decision is the same.
    const elsewhere = { ask: { kind: 'anywhere' }, exclude: [life.instance] } as const;
    locator.wait(modelKey(model), life.clock.wallMs(), waiter, elsewhere);
  });
}

const modelRecord = (key: string): ModelRecord => newModelRecord({ key: modelKey(key), type: 'simulated', path: key });

/** Writes the registry. Answers with the instances that it names. */
async function fill(cluster: Cluster, nodes: number, models: number): Promise<readonly InstanceRecord[]> {
  const { store, layout } = cluster.registry;
  let operations: KvOperation[] = [];
  const flush = async (): Promise<void> => {
    if (operations.length > 0) await store.txn({ conditions: [], operations });
    operations = [];
  };
  const put = async (key: string, value: string): Promise<void> => {
    operations.push({ kind: 'put', key, value });
    if (operations.length === KV_OPERATIONS_MAX) await flush();
  };
  const chance = cluster.world.random('instances');
  const instances: InstanceRecord[] = [];
  for (let at = 1; at < nodes; at++) {
    const record = newInstanceRecord({
      id: instanceId(`n${at}`),
      startedAtMs: epochMs(WORLD_WALL_START_MS - 3_600_000),
      location: `host-${at}`,
      zone: `zone-${at % 3}`,
      labels: new Set<string>(),
      leastRecentUseMs: epochMs(WORLD_WALL_START_MS - chance.below(3_600_000)),
      modelCount: Math.floor(models / nodes),
      capacityUnits: unitsForBytes(bytes(4096 * MIB)),
      usedUnits: sizeUnits(Math.floor(unitsForBytes(bytes(4096 * MIB)) * (0.5 + 0.4 * chance.unit()))),
      loadingThreads: 4,
      loadsInProgress: chance.below(4),
      peerAddress: `host-${at}:8034`,
      incarnation: `n${at}.1`,
    });
    instances.push(record);
    await put(recordKeyText(layout, instanceRecordKey(record.id)), encodeRecord(record));
  }
  for (let at = 0; at < models; at++) {
    const plain = modelRecord(`model-${at}`);
    const claimedMs = epochMs(WORLD_WALL_START_MS - 3_600_000);
    const holders = at % 2 === 0 ? [at, at + 1, at + 2].map((holder) => instanceId(`n${1 + (holder % (nodes - 1))}`)) : [];
    const record = holders.reduce((claimed, holder) => withCopyClaimed(claimed, holder, claimedMs), plain);
    await put(recordKeyText(layout, modelRecordKey(record.key, record.namespace)), encodeRecord(record));
  }
  await flush();
  return instances;
}
