/** The door of the room: the ways from a client to one runtime that the bench compares, each as processes of its own. */
export { BenchRuntime, RUNTIME_KINDS, type RuntimeKind } from './bench-runtime.ts';
export { startEnvoy } from './envoy.ts';
export { startMesh, startOneHop } from './mesh.ts';
export { startNginx } from './nginx.ts';
export {
  type EtcdPrograms,
  FETCHED_TOOLS,
  type Found,
  findBackend,
  findH2load,
  type NginxTools,
  preparedTools,
  type WayTools,
} from './tools.ts';
export { BENCH_MODEL, BENCH_PATH, WAY_NAMES, WAY_TITLES, type Way, type WayName, type WayPlan } from './way.ts';
