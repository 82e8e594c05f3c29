import type { Cluster, SimCall } from '../cluster/index.ts';
import type { FaultSpec, StepSpec } from '../scenario/index.ts';

/** What a fault did may be felt so much longer: connections that time out, leases that run out. */
const AFTERMATH_MS = 6000;
const REGISTRY_AFTERMATH_MS = 45_000;
/** A node that was killed or told to leave is itself again so much after it came back. */
const START_MS = 12_000;

/** Hosts between which a fault makes trouble; empty for those that concern none. */
function hostsOf(fault: FaultSpec): readonly string[] {
  switch (fault.kind) {
    case 'freeze':
      return [fault.node];
    case 'partition':
    case 'bad-link':
      return [...fault.from, ...fault.to];
    default:
      return [];
  }
}

/** Whether one of the hosts could not talk to others as always between the two instants, for reasons that are none of the mesh's. */
export function wasCutOff({ scenario }: Cluster, hosts: readonly string[], fromMs: number, untilMs: number): boolean {
  const isNear = (beganMs: number, endedMs: number): boolean => beganMs <= untilMs && endedMs + AFTERMATH_MS >= fromMs;
  const byFault = scenario.faults.some(
    (fault) => isNear(fault.fromMs, fault.untilMs) && hostsOf(fault).some((host) => hosts.includes(host)),
  );
  const endsLife = (step: StepSpec): boolean =>
    (step.kind === 'kill' || step.kind === 'restart') &&
    hosts.includes(step.node) &&
    isNear(step.atMs, step.atMs + step.backMs + START_MS);
  return byFault || scenario.steps.some(endsLife);
}

/** Whether client and entry node could not talk to each other as always while the call ran. */
export const wasDisturbed = (cluster: Cluster, { node, startedMs, endedMs }: SimCall): boolean =>
  wasCutOff(cluster, [node.spec.id, 'clients'], startedMs, endedMs);

/** Whether nobody was cut off from anybody, nor from the registry, for longer than a lease lives. */
export function wasCalm({ scenario }: Cluster, fromMs: number, untilMs: number): boolean {
  const isNear = (beganMs: number, endedMs: number): boolean => beganMs <= untilMs && endedMs + REGISTRY_AFTERMATH_MS >= fromMs;
  const disturbs = ({ kind }: FaultSpec): boolean =>
    kind.startsWith('registry') || kind === 'freeze' || kind === 'partition' || kind === 'bad-link';
  const disturbing = (step: StepSpec): boolean =>
    ['kill', 'restart', 'kill-runtime', 'lose-watches', 'lose-model', 'jump-clock'].includes(step.kind);
  return !(
    scenario.faults.some((fault) => disturbs(fault) && isNear(fault.fromMs, fault.untilMs)) ||
    scenario.steps.some((step) => disturbing(step) && isNear(step.atMs, step.atMs))
  );
}

/** Whether the node never lost sight of the registry: what it was told is what is so. */
export const neverLostRegistry = ({ scenario }: Cluster, host: string): boolean =>
  scenario.historyMax > HISTORY_AMPLE &&
  !scenario.faults.some((fault) => fault.kind.startsWith('registry') && 'nodes' in fault && fault.nodes.includes(host)) &&
  !scenario.faults.some((fault) => fault.kind === 'freeze' && fault.node === host) &&
  !scenario.steps.some((step) => step.kind === 'lose-watches' && step.nodes.includes(host));

/** A shorter history may be outrun by a node that is slow. */
const HISTORY_AMPLE = 1000;
