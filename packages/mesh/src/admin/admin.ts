import { type Clock, durationMs, toMeshError } from '@modelmesh/core';
import { readTlsMaterial, selfSignedCertificate, tlsPaths } from '../certificates/index.ts';
import type { Config, TlsConfig } from '../config/index.ts';
import { watchFiles } from '../files/index.ts';
import type { Log } from '../log/index.ts';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { Prestop } from './prestop.ts';
import { type ProbeSources, probeRoutes } from './probes.ts';
import { scrapeRoutes } from './scrapes.ts';

/** What the ports for operators need. */
export interface AdminParts extends ProbeSources {
  readonly config: Pick<Config, 'probes' | 'prestop' | 'metrics' | 'tls' | 'shutdownTimeoutMs'>;
  /** The page of metrics, all of them or those named. */
  readonly renderMetrics: (names: readonly string[]) => Promise<string>;
  /** Stands in the certificate that the node makes for metrics over `https` when it has none. */
  readonly hostName: string;
  readonly clock: Clock;
  readonly log: Log;
}

type Place = AdminServer['address'];

/** The ports for operators, open. */
export interface RunningAdmin {
  /** Where each listens; `null` where it is switched off. */
  readonly probes: Place | null;
  readonly prestop: Place | null;
  readonly metrics: Place | null;
  /** Other certificate files. @throws {MeshError} `invalid-argument` if they cannot be used: the old ones stay in force. */
  useTls(config: TlsConfig): void;
  /** The node has shut down: answers everyone who waits at `/prestop`. */
  shutdownFinished(): void;
  close(): Promise<void>;
}

/** A hook waits this many times the time that calls get at shutdown (spec `modelmesh.md` §6.8). */
const PRESTOP_WAITS = 2;

/**
 * Opens the ports for probes, pre-stop hook and metrics that are configured.
 *
 * @throws {MeshError} `failed-precondition` if one cannot be opened: none is open then; the message says which and what to do
 */
export async function startAdmin(parts: AdminParts): Promise<RunningAdmin> {
  const { config, clock, log } = parts;
  const prestop = new Prestop(clock, durationMs(PRESTOP_WAITS * config.shutdownTimeoutMs));
  const opened: AdminServer[] = [];
  let followed: FollowedTls | undefined;
  const open = async (start: Promise<AdminServer>): Promise<AdminServer> => {
    const server = await start;
    opened.push(server);
    return server;
  };
  const closeAll = async (): Promise<void> => {
    followed?.stop();
    await Promise.all(opened.map((server) => server.close()));
  };
  try {
    const { probes: atProbes, prestop: atPrestop } = config;
    const probes =
      atProbes && (await open(startAdminServer({ listener: atProbes, routes: probeRoutes(parts), tls: null, clock, log })));
    const hook =
      atPrestop && (await open(startAdminServer({ listener: atPrestop, routes: prestop.routes, tls: null, clock, log })));
    const metrics = await openMetrics(parts, open);
    if (metrics !== null && config.metrics?.scheme === 'https' && config.tls !== null)
      followed = new FollowedTls(config.tls, metrics, parts);
    return {
      probes: probes?.address ?? null,
      prestop: hook?.address ?? null,
      metrics: metrics?.address ?? null,
      useTls: (changed) => followed?.use(changed),
      shutdownFinished: () => prestop.finish(),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw toMeshError(error);
  }
}

async function openMetrics(
  { config: { metrics, tls }, renderMetrics, hostName, clock, log }: AdminParts,
  open: (start: Promise<AdminServer>) => Promise<AdminServer>,
): Promise<AdminServer | null> {
  if (metrics === null) return null;
  const routes = scrapeRoutes(renderMetrics, { log, logScrapes: metrics.logScrapes });
  const { listener, scheme } = metrics;
  if (scheme === 'http') return open(startAdminServer({ listener, routes, tls: null, clock, log }));
  // ModelMesh makes a certificate that it signs itself at each start; a node's own one is at least as good.
  const material = tls === null ? selfSignedCertificate([hostName, 'localhost'], clock.wallMs()) : readTlsMaterial(tls);
  return open(startAdminServer({ listener, routes, tls: material, clock, log }));
}

/** The certificate of the metrics port, as its files say. */
class FollowedTls {
  readonly #server: AdminServer;
  readonly #parts: Pick<AdminParts, 'clock' | 'log'>;
  #config: TlsConfig;
  #stopWatching: () => void;

  constructor(config: TlsConfig, server: AdminServer, parts: Pick<AdminParts, 'clock' | 'log'>) {
    this.#config = config;
    this.#server = server;
    this.#parts = parts;
    this.#stopWatching = this.#watch();
  }

  use(config: TlsConfig): void {
    this.#server.useTls(readTlsMaterial(config));
    this.#config = config;
    this.#stopWatching();
    this.#stopWatching = this.#watch();
  }

  stop(): void {
    this.#stopWatching();
  }

  #watch(): () => void {
    return watchFiles(tlsPaths(this.#config), this.#parts.clock, () => {
      try {
        this.#server.useTls(readTlsMaterial(this.#config));
      } catch (error) {
        const mesh = toMeshError(error);
        this.#parts.log.error('tls-kept', `the certificate of the metrics port stays: ${mesh.message}`, { error: mesh });
      }
    });
  }
}
