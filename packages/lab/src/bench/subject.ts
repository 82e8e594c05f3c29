import { join } from 'node:path';
import type { ConnectTarget } from '@modelmesh/grpc/stream';
import {
  type GrpcRequest,
  type HttpRequest,
  hasH2load,
  type LoadResult,
  runGrpcLoad,
  runH2load,
  runHttpLoad,
} from '../load/index.ts';
import { connectGrpc, type NodeProcess, splitAddress } from '../node-process/index.ts';
import { threadsCpuMs } from '../process-usage/index.ts';

/** How hard a subject is driven. */
export interface Pressure {
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly calls: number;
}

/** One way to the same answer, whose cost is measured. */
export interface Subject {
  readonly name: string;
  /** Processes whose CPU time it costs. */
  readonly pids: () => readonly number[];
  /** Drives it; every answer counts. */
  readonly drive: (pressure: Pressure) => Promise<LoadResult>;
}

/** Cost of one way in one run. */
export interface Cost {
  /** CPU time of the processes that serve, in microseconds a call. */
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

/** Who drives gRPC: `h2load` where it is installed, because it takes less of the machine than a driver of ours. */
export type GrpcDriver = 'h2load' | 'own';

/** The driver that this machine has. */
export const grpcDriver = (): GrpcDriver => (hasH2load() ? 'h2load' : 'own');

/** Calls the runtime without the node, over its own socket. */
export function straightToRuntime(node: NodeProcess, request: GrpcRequest, driver: GrpcDriver): Subject {
  const path = join(node.folder, 'runtime.sock');
  return {
    name: 'gRPC, runtime alone',
    pids: () => [node.runtimePid],
    drive: (pressure) => driveGrpc({ kind: 'unix', path }, request, driver, pressure, node.folder),
  };
}

/** The same call through the node. */
export function throughNode(node: NodeProcess, request: GrpcRequest, driver: GrpcDriver): Subject {
  const [host, port] = splitAddress(node.addresses.inference);
  return {
    name: 'gRPC, through the node',
    pids: () => [node.pid, node.runtimePid],
    drive: (pressure) => driveGrpc({ kind: 'tcp', host, port: Number(port) }, request, driver, pressure, node.folder),
  };
}

/** REST through the node: connections × streams become connections of HTTP/1.1, one call at a time on each. */
export function restThroughNode(node: NodeProcess, name: string, request: HttpRequest): Subject {
  const [host, port] = splitAddress(node.addresses.inference);
  return {
    name,
    pids: () => [node.pid, node.runtimePid],
    drive: ({ connections, streamsPerConnection, calls }) =>
      runHttpLoad({
        host,
        port: Number(port),
        connections: connections * streamsPerConnection,
        end: { kind: 'calls', count: calls },
        next: () => request,
      }),
  };
}

/** Drives a subject and reads what its processes took. @throws if a call failed. */
export async function costOf(subject: Subject, pressure: Pressure): Promise<Cost> {
  const pids = subject.pids();
  const cpu = (): number => pids.reduce((sum, pid) => sum + threadsCpuMs(pid), 0);
  const before = cpu();
  const result = await subject.drive(pressure);
  const cpuMs = cpu() - before;
  result.assertAllRight();
  const { latency } = result;
  return {
    cpuUs: (cpuMs * 1000) / result.completed,
    p50Ms: latency.quantileMs(0.5),
    p99Ms: latency.quantileMs(0.99),
    perSecond: result.perSecond,
  };
}

async function driveGrpc(
  target: ConnectTarget,
  request: GrpcRequest,
  driver: GrpcDriver,
  pressure: Pressure,
  folder: string,
): Promise<LoadResult> {
  if (driver === 'h2load') return driveByH2load(target, request, pressure, folder);
  const links = Array.from({ length: pressure.connections }, () => connectGrpc(target));
  const result = await runGrpcLoad({
    connections: links.map(({ connection }) => connection),
    streamsPerConnection: pressure.streamsPerConnection,
    end: { kind: 'calls', count: pressure.calls },
    next: () => request,
  });
  for (const link of links) link.close();
  return result;
}

function driveByH2load(target: ConnectTarget, request: GrpcRequest, pressure: Pressure, folder: string): Promise<LoadResult> {
  const { connections, streamsPerConnection, calls } = pressure;
  const raw = request.headers.raw();
  const headers: Record<string, string> = {};
  for (let at = 0; at < raw.length; at += 2) if (raw[at]?.startsWith(':') === false) headers[raw[at] ?? ''] = raw[at + 1] ?? '';
  return runH2load({
    target: target.kind === 'unix' ? `unix:${target.path}` : `http://${target.host}:${target.port}`,
    protocol: 'h2',
    path: request.headers.get(':path') ?? '/',
    headers,
    body: Buffer.concat(request.frames),
    connections,
    streamsPerConnection,
    calls,
    folder,
  });
}
