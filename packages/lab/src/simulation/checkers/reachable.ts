import type { SlotRef } from '@modelmesh/mesh/link';
import type { NodeLife, SimCall } from '../cluster/index.ts';
import type { Checker } from './checker.ts';
import { wasCutOff, wasDisturbed } from './excuses.ts';

/** A runtime's answer, and the way there and back, take no longer than this many times what an inference takes. */
const SLOWNESS = 2;
const OVERHEAD_MS = 300;
/** gRPC's codes. */
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const UNAVAILABLE = 14;

/** A copy that served when a call began, and that the call's entry knew of. */
interface Warm {
  readonly entry: NodeLife;
  readonly life: NodeLife;
  readonly slot: SlotRef;
  readonly epoch: number;
}

const slotOf = (life: NodeLife, model: string): SlotRef | null => life.dataPlane.plane.routes.model(model)?.local ?? null;

const knowsCopyAt = (entry: NodeLife, life: NodeLife, model: string): boolean => {
  const { routes } = entry.dataPlane.plane;
  if (entry === life) return true;
  return (
    routes.peer(life.instance) !== undefined &&
    routes.model(model)?.remote.some(({ instance }) => instance === life.instance) === true
  );
};

/**
 * Whether the call forbids what would have answered it: a repetition where its runtime lost the model without a word, or may have executed it and
 * gave no answer, be it that it ended while the call was on its way, or is silent, or loads for longer than loads take, so that it was taken for
 * loaded. One that was not sent is sent to another copy whatever it forbids.
 */
function isNotToBeRepeated(
  { retry, end }: SimCall,
  came: { readonly maybeExecuted: boolean; readonly isLoaded: boolean },
): boolean {
  if (retry !== 'never' || end?.kind !== 'status') return false;
  if (end.code === DEADLINE_EXCEEDED) return !came.isLoaded;
  return end.code === NOT_FOUND || (end.code === UNAVAILABLE && came.maybeExecuted);
}

/** Copies that serve, and calls for their models. */
export const reachable: Checker = {
  name: 'reachable',
  sentence: 'a live copy is reachable from every node with a network path to it',
  begin: (cluster, knowledge) => {
    const { world, models } = cluster;
    const isLoadedWhereClaimed = (model: string): boolean => {
      const holders = knowledge.truth.registered(model)?.copies;
      return [...cluster.serving()].every((life) => holders?.has(life.instance) !== true || slotOf(life, model) !== null);
    };
    const warm = new Map<string, readonly Warm[]>();
    const reached = new Set<string>();
    /** When a node or a runtime ended last. */
    let lossMs = Number.NEGATIVE_INFINITY;
    const lost = (): void => {
      lossMs = world.nowMs;
    };
    const hosts = cluster.scenario.nodes.map(({ id }) => id);
    const wasAnyoneSilent = ({ startedMs, endedMs }: SimCall): boolean => wasCutOff(cluster, hosts, startedMs, endedMs);
    const stayed = ({ entry, life, slot, epoch }: Warm, { model, startedMs, endedMs }: SimCall): boolean => {
      const now = life.phase === 'serving' ? slotOf(life, model) : null;
      const isSame = now?.index === slot.index && now.generation === slot.generation && life.runtime.epoch === epoch;
      const { runtime } = life;
      const isWell = runtime.state.kind === 'ready' && runtime.memory.has(model) && !runtime.moods.disturbedSince(startedMs);
      const isKnown = entry.phase === 'serving' && knowsCopyAt(entry, life, model);
      return isSame && isWell && isKnown && !wasCutOff(cluster, [entry.spec.id, life.spec.id], startedMs, endedMs);
    };
    return {
      callStarted: (call) => {
        const entry = call.node.serving;
        if (entry === undefined) return;
        const copies = [...cluster.serving()].flatMap((life): Warm[] => {
          const slot = slotOf(life, call.model);
          return slot === null || !knowsCopyAt(entry, life, call.model) ? [] : [{ entry, life, slot, epoch: life.runtime.epoch }];
        });
        if (copies.length > 0) warm.set(call.id, copies);
      },
      lifeOver: lost,
      nodeEvent: (_life, { kind }) => {
        if (kind === 'runtime-lost') lost();
      },
      callBegan: (_runtime, id) => void reached.add(id),
      callEnded: (call) => {
        const copies = warm.get(call.id) ?? [];
        const maybeExecuted = reached.delete(call.id) || lossMs >= call.startedMs || wasAnyoneSilent(call);
        warm.delete(call.id);
        if (call.end?.kind === 'answered' || wasDisturbed(cluster, call)) return;
        if (isNotToBeRepeated(call, { maybeExecuted, isLoaded: isLoadedWhereClaimed(call.model) })) return;
        if (call.deadlineMs < SLOWNESS * (models.get(call.model)?.inferMs ?? 0) + OVERHEAD_MS) return;
        const copy = copies.find((one) => stayed(one, call));
        if (copy === undefined) return;
        const facts = JSON.stringify({ retry: call.retry, ...call.end });
        world.violate(
          'reachable',
          `${call.id} ended at ${copy.entry.actor.name} with ${facts}, though ${call.model} served at ${copy.life.actor.name}`,
        );
      },
    };
  },
};
