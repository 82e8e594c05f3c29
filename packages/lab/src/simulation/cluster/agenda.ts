import { durationMs, epochMs } from '@modelmesh/core';
import { DEFAULT_COPIES_POLICY } from '@modelmesh/core/records';
import type { FaultSpec, StepSpec } from '../scenario/index.ts';
import type { Cluster } from './cluster.ts';
import type { SimNode } from './sim-node.ts';
import { Traffic } from './traffic.ts';

/** How long an edit waits for all nodes. */
const EDIT_WAIT_MS = durationMs(10_000);
const NEVER = new AbortController().signal;

/** Enters everything that a scenario says into the world's time. */
export function enter(cluster: Cluster): void {
  const { world, scenario, operators, nodes, calls } = cluster;
  for (const spec of scenario.nodes)
    world.at(operators, spec.startMs, `${spec.id} starts`, () => nodes.get(spec.id)?.start(false));
  for (const spec of scenario.traffic) new Traffic(world, calls, spec, nodes).begin();
  for (const fault of scenario.faults) {
    let end: () => void = () => {};
    world.at(operators, fault.fromMs, `${fault.name} begins`, () => {
      end = begin(cluster, fault);
    });
    world.at(operators, fault.untilMs, `${fault.name} ends`, () => end());
  }
  for (const step of scenario.steps) world.at(operators, step.atMs, step.name, () => perform(cluster, step));
}

const NO_REGISTRY_TROUBLE = { away: false, delayMs: 0, lostBefore: 0, lostAfter: 0 };
const NO_LINK_TROUBLE = { oneWay: false, cut: false, delayMs: 0, loss: 0 };

/** Begins a fault. @returns what ends it */
function begin(cluster: Cluster, fault: FaultSpec): () => void {
  const { registry, network, nodes } = cluster;
  switch (fault.kind) {
    case 'registry-away':
      return registry.begin({ ...NO_REGISTRY_TROUBLE, hosts: fault.nodes, away: true });
    case 'registry-slow':
      return registry.begin({ ...NO_REGISTRY_TROUBLE, hosts: fault.nodes, delayMs: fault.delayMs });
    case 'registry-loses':
      return registry.begin({
        ...NO_REGISTRY_TROUBLE,
        hosts: fault.nodes,
        lostBefore: fault.lostBefore,
        lostAfter: fault.lostAfter,
      });
    case 'partition':
      return network.weather.begin({ ...NO_LINK_TROUBLE, from: fault.from, to: fault.to, oneWay: fault.oneWay, cut: true });
    case 'bad-link':
      return network.weather.begin({
        ...NO_LINK_TROUBLE,
        from: fault.from,
        to: fault.to,
        delayMs: fault.delayMs,
        loss: fault.loss,
      });
    case 'freeze': {
      const node = nodes.get(fault.node);
      node?.freeze();
      return () => node?.thaw();
    }
    default:
      return changeMood(nodes.get(fault.node), fault, () => cluster.world.nowMs);
  }
}

type Mood = Extract<
  FaultSpec,
  { readonly kind: 'slow-loads' | 'refused-loads' | 'hanging-unloads' | 'failing-unloads' | 'unavailable-answers' }
>;

function changeMood(node: SimNode | undefined, fault: Mood, nowMs: () => number): () => void {
  if (node === undefined) return () => {};
  const { moods } = node;
  switch (fault.kind) {
    case 'slow-loads':
      moods.loadFactor = fault.factor;
      return () => {
        moods.loadFactor = 1;
      };
    case 'refused-loads':
      moods.refusedLoads = fault.share;
      return () => {
        moods.refusedLoads = 0;
      };
    case 'hanging-unloads':
      moods.hangingUnloads = true;
      return () => {
        moods.hangingUnloads = false;
      };
    case 'failing-unloads':
      moods.failingUnloads = fault.share;
      return () => {
        moods.failingUnloads = 0;
      };
    case 'unavailable-answers':
      moods.unavailableAnswers = fault.share;
      return () => {
        moods.unavailableAnswers = 0;
        moods.answersDisturbedMs = nowMs();
      };
  }
}

function perform(cluster: Cluster, step: StepSpec): void {
  const { world, operators, registry, nodes } = cluster;
  if (step.kind === 'lose-watches') {
    registry.loseWatches(step.nodes);
    return;
  }
  const node = nodes.get(step.node);
  if (node === undefined) return;
  switch (step.kind) {
    case 'kill':
      node.kill(step.silent);
      world.in(operators, step.backMs, `${step.node} starts`, () => node.start(step.anew));
      return;
    case 'restart':
      node.stop(() => world.in(operators, step.backMs, `${step.node} starts`, () => node.start(false)));
      return;
    case 'kill-runtime':
      if (node.life?.phase === 'serving') node.life.runtime.dies(step.backMs);
      return;
    case 'lose-model':
      node.life?.runtime.loses(step.model);
      return;
    case 'jump-clock':
      node.life?.clock.jumpWall(step.byMs);
      return;
    default:
      ask(cluster, node, step);
  }
}

type Request = Extract<
  StepSpec,
  { readonly kind: 'register' | 'unregister' | 'load' | 'unload' | 'set-endpoint' | 'edit-endpoint' }
>;

function ask(cluster: Cluster, node: SimNode, step: Request): void {
  const { operations, models } = cluster;
  switch (step.kind) {
    case 'register': {
      const info = { type: 'simulated', path: `${step.model}/${step.name}`, encKey: '{}' };
      const copiesPolicy = { ...DEFAULT_COPIES_POLICY, min: models.get(step.model)?.minCopies ?? 0 };
      const wish = { loadNow: step.load, sync: false, lastUsedMs: epochMs(0), description: { copiesPolicy } };
      const request = { modelId: step.model, info, ...wish };
      operations.ask(node, step.name, (control) => control.registerModel(request, NEVER));
      return;
    }
    case 'unregister':
      operations.ask(node, step.name, (control) => control.unregisterModel(step.model));
      return;
    case 'load':
      operations.ask(node, step.name, (control) => control.ensureLoaded(step.model, epochMs(0), true, NEVER));
      return;
    case 'unload':
      operations.ask(node, step.name, (control) => control.unloadCopies(step.model));
      return;
    case 'set-endpoint': {
      const request = { vModelId: step.endpoint, targetModelId: step.model, owner: '', expectedTargetModelId: '' };
      const how = { updateOnly: false, autoDeleteTargetModel: false, loadNow: false, force: false, sync: false };
      operations.ask(node, step.name, (control) => control.setEndpoint({ ...request, ...how, modelInfo: undefined }, NEVER));
      return;
    }
    case 'edit-endpoint':
      edit(cluster, node, step);
  }
}

/** Whoever watches hears of the answer at the instant at which it comes. */
function edit(cluster: Cluster, node: SimNode, step: Extract<StepSpec, { readonly kind: 'edit-endpoint' }>): void {
  const variants = step.variants.map(({ model, weight }) => ({ name: model, model, weight }));
  const [first] = variants;
  const life = node.serving;
  if (first === undefined || life === undefined) return;
  const spec = { variants, default: first.name };
  const manifest = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata: { name: step.endpoint }, spec };
  cluster.operations.ask(node, step.name, async (control) => {
    const { edit: made } = await control.apply(manifest, NEVER, { waitMs: EDIT_WAIT_MS });
    if (made?.acknowledgement == null) return;
    const missing = made.acknowledgement.missing.map(({ instance }) => instance);
    cluster.onEndpointEdited(life, { endpoint: step.endpoint, revision: made.revision, missing });
  });
}
