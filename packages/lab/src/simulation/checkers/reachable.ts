import type { SlotRef } from '@modelmesh/mesh/link';
import type { NodeLife, SimCall } from '../cluster/index.ts';
import type { Checker } from './checker.ts';
import { wasDisturbed } from './excuses.ts';

/** A runtime's answer, and the way there and back, take no longer than this many times what an inference takes. */
const SLOWNESS = 2;
const OVERHEAD_MS = 200;

/** The copy that served when a call began. */
interface Warm {
  readonly life: NodeLife;
  readonly slot: SlotRef;
  readonly epoch: number;
}

const slotOf = (life: NodeLife, model: string): SlotRef | null => life.dataPlane.plane.routes.model(model)?.local ?? null;

/** Copies that serve, and calls for their models. */
export const reachable: Checker = {
  name: 'reachable',
  sentence: 'a live copy is reachable from every node with a network path to it',
  begin: (cluster) => {
    const { world, models } = cluster;
    const warm = new Map<string, Warm>();
    const stayed = ({ life, slot, epoch }: Warm, call: SimCall): boolean => {
      const now = life.phase === 'serving' ? slotOf(life, call.model) : null;
      const isSame = now?.index === slot.index && now.generation === slot.generation && life.runtime.epoch === epoch;
      return isSame && life.runtime.state.kind === 'ready' && life.runtime.memory.has(call.model);
    };
    return {
      callStarted: (call) => {
        const life = call.node.serving;
        const slot = life === undefined ? null : slotOf(life, call.model);
        if (life !== undefined && slot !== null) warm.set(call.id, { life, slot, epoch: life.runtime.epoch });
      },
      callEnded: (call) => {
        const copy = warm.get(call.id);
        warm.delete(call.id);
        if (copy === undefined || call.end?.kind === 'answered' || wasDisturbed(cluster, call)) return;
        if (!stayed(copy, call) || copy.life.runtime.moods.disturbedSince(call.startedMs)) return;
        if (call.deadlineMs < SLOWNESS * (models.get(call.model)?.inferMs ?? 0) + OVERHEAD_MS) return;
        world.violate(
          'reachable',
          `${call.id} ended with ${JSON.stringify(call.end)} though ${call.model} served at its entry all the time`,
        );
      },
    };
  },
};
