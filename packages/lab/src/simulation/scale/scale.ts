import { bytes, epochMs, instanceId, modelKey, sizeUnits, unitsForBytes } from '@modelmesh/core';
import { instanceRecordKey, modelRecordKey, newInstanceRecord, newModelRecord } from '@modelmesh/core/records';
import { KV_OPERATIONS_MAX, type KvOperation } from '@modelmesh/mesh/kv';
import { encodeRecord, recordKeyText } from '@modelmesh/wire/registry';
import { median } from '../../figures/index.ts';
import { Cluster, type NodeLife } from '../cluster/index.ts';
import { WORLD_WALL_START_MS, World } from '../engine/index.ts';
import type { NodeSpec, Scenario } from '../scenario/index.ts';

const MIB = 1024 * 1024;
const HEAVY_MIB = 50;
/** A node has so much virtual time to list a registry of that size. */
const START_MS = 60_000;

/** What a cluster of that size costs one of its nodes. */
export interface ScaleFigures {
  readonly nodes: number;
  readonly models: number;
  readonly questions: number;
  /** From the question for a model that has no copy until the answer that names a node: the decision, and the link to control and back. */
  readonly locateMedianUs: number;
  readonly locateP99Us: number;
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

/** Starts production's control in a registry that names so many nodes and models, and asks it where models without a copy are to be loaded. */
export async function measureScale(nodes: number, models: number, questions: number, nowMs: () => number): Promise<ScaleFigures> {
  const world = new World(SCENARIO.seed);
  const cluster = await Cluster.build(world, SCENARIO);
  await fill(cluster, nodes, models);
  const startedMs = nowMs();
  const node = cluster.nodes.get(NODE.id);
  node?.start(false);
  await world.run(START_MS);
  const life = node?.serving;
  if (life === undefined) throw new Error('the node did not come up');
  const startMs = nowMs() - startedMs;
  const random = world.random('questions');
  const tookUs: number[] = [];
  for (let at = 0; at < questions; at++) tookUs.push(await locateUs(life, `model-${random.below(models)}`, nowMs));
  const sorted = tookUs.toSorted((a, b) => a - b);
  const locateP99Us = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  return { nodes, models, questions, locateMedianUs: median(tookUs), locateP99Us, startMs };
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

async function fill(cluster: Cluster, nodes: number, models: number): Promise<void> {
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
    await put(recordKeyText(layout, instanceRecordKey(record.id)), encodeRecord(record));
  }
  for (let at = 0; at < models; at++) {
    const record = newModelRecord({ key: modelKey(`model-${at}`), type: 'simulated', path: `model-${at}` });
    await put(recordKeyText(layout, modelRecordKey(record.key, record.namespace)), encodeRecord(record));
  }
  await flush();
}
