/** Under `CI=true` a skipped test fails its tier, unless it stands here. */
import type { StageResult } from './table.ts';

/** A skip that CI lets pass. */
export interface AllowedSkip {
  /** The suite's path below the root. */
  readonly suite: string;
  /** What the reason of the skip begins with. */
  readonly reason: string;
  /** Why it cannot be prepared wherever CI runs. */
  readonly because: string;
}

/** What cannot be prepared everywhere, each with the reason why not. */
export const ALLOWED_SKIPS: readonly AllowedSkip[] = [
  {
    suite: 'packages/lab/src/faults/disk-full.process.test.ts',
    reason: 'needs the right to mount a tmpfs',
    because: 'a disk that fills up is a small file system of its own, and only root on Linux may mount one',
  },
  {
    suite: 'packages/lab/src/chaos/chaos.real.test.ts',
    reason: 'no network namespace can be made here',
    because: 'a node that is cut off has a network of its own, and only root on Linux may make one',
  },
  {
    suite: 'packages/mesh/src/kv/sqlite/disk-full.process.test.ts',
    reason: 'a small tmpfs cannot be mounted here',
    because: 'the same',
  },
  {
    suite: 'packages/mesh/src/kv/etcd/etcd-kv.real.test.ts',
    reason: 'the leases of etcd run on a clock of its own',
    because: 'etcd cannot be given a clock; its leases are waited for in a suite of their own',
  },
  {
    suite: 'packages/mesh/src/kv/etcd/etcd-kv.real.test.ts',
    reason: 'the bounds of the history of etcd cannot be set',
    because: 'etcd keeps its history until it is told to compact it, which a suite of its own does',
  },
  {
    suite: 'packages/runtime/src/servers/onnx/first-run.process.test.ts',
    reason: 'this system does not let a process reset its high-water mark',
    because: 'the kernel of a container may not have it, and nothing that is installed can change that',
  },
  {
    suite: 'tools/examples/onnxruntime.process.test.ts',
    reason: 'onnxruntime-node is not installed on this platform',
    because: 'it is built for fewer platforms than Node',
  },
  {
    suite: 'tools/examples/generate.real.test.ts',
    reason: 'the example models were made on x64',
    because: 'training sums in another order on other processors, so the same bytes can be had on this one alone',
  },
];

/** `suite › test: reason` of every skip that is not allowed. */
export function refusedSkips(
  results: readonly StageResult[],
  allowed: readonly AllowedSkip[] = ALLOWED_SKIPS,
): readonly string[] {
  return results.flatMap(({ outcome }) =>
    [...outcome.suites].flatMap(([file, { skips }]) =>
      skips
        .filter(({ reason }) => !allowed.some((one) => one.suite === file && reason.startsWith(one.reason)))
        .map(({ name, reason }) => `${file} › ${name}: ${reason}`),
    ),
  );
}
