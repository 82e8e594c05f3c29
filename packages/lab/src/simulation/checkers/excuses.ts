import type { Cluster, SimCall } from '../cluster/index.ts';

/** What a fault did may be felt so much longer. */
const AFTERMATH_MS = 6000;

/** Whether client and entry node could not talk to each other as always, for reasons that are none of the mesh's, while the call ran. */
export function wasDisturbed({ scenario }: Cluster, { node, startedMs, endedMs }: SimCall): boolean {
  const host = node.spec.id;
  const isNear = (fromMs: number, untilMs: number): boolean => fromMs <= endedMs && untilMs + AFTERMATH_MS >= startedMs;
  const byFault = scenario.faults.some((fault) => {
    if (!isNear(fault.fromMs, fault.untilMs)) return false;
    switch (fault.kind) {
      case 'freeze':
        return fault.node === host;
      case 'partition':
      case 'bad-link':
        return [...fault.from, ...fault.to].includes(host) || [...fault.from, ...fault.to].includes('clients');
      default:
        return false;
    }
  });
  const byStep = scenario.steps.some(
    (step) =>
      (step.kind === 'kill' || step.kind === 'restart') &&
      step.node === host &&
      isNear(step.atMs, step.atMs + step.backMs + 12_000),
  );
  return byFault || byStep;
}
