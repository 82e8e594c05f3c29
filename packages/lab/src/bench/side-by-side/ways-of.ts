import { selfSignedCertificate } from '@modelmesh/mesh/certificates';
import { realClock } from '../../node-process/index.ts';
import {
  type BenchRuntime,
  type Found,
  startEnvoy,
  startMesh,
  startNginx,
  startOneHop,
  type Way,
  type WayName,
  type WayTools,
} from '../ways/index.ts';

/** The ways that could be started, and why others could not. `await using` ends them. */
export interface StartedWays extends AsyncDisposable {
  readonly ways: readonly Way[];
  readonly missing: readonly string[];
}

/** Starts each of `names` in front of the runtime. What a foreign program is missing for is left out, and told. */
export async function startWays(
  names: readonly WayName[],
  runtime: BenchRuntime,
  tools: WayTools,
  folder: string,
  encrypted: boolean,
): Promise<StartedWays> {
  await using started = new AsyncDisposableStack();
  const missing: string[] = [];
  const tls = encrypted ? selfSignedCertificate(['localhost'], realClock.wallMs()) : undefined;
  const { inferencePath, managementPath } = runtime;
  const plan = { inferencePath, managementPath, folder, tls };
  const foreign = async <Tool>(
    found: Found<Tool>,
    start: (tool: Tool) => Promise<Way & AsyncDisposable>,
  ): Promise<readonly Way[]> => {
    if (found.problem === undefined) return [started.use(await start(found.tool))];
    missing.push(found.problem);
    return [];
  };
  const starts: Readonly<Record<WayName, () => Promise<readonly Way[]>>> = {
    h2: async () => [started.use(await startMesh('h2', plan))],
    'node-http2': async () => [started.use(await startMesh('node-http2', plan))],
    nginx: () => foreign(tools.nginx(), (nginx) => startNginx(nginx, 'nginx', plan)),
    'tcp-proxy': () => foreign(tools.nginx(), (nginx) => startNginx(nginx, 'tcp-proxy', plan)),
    envoy: () => foreign(tools.envoy(), (envoy) => startEnvoy(envoy, plan)),
    direct: () => Promise.resolve([runtime.direct]),
    'one-hop': () => foreign(tools.etcd(), (etcd) => startOneHop(etcd, plan)),
  };
  const ways: Way[] = [];
  for (const name of names) ways.push(...(await starts[name]()));
  const held = started.move();
  return { ways, missing, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}
