import type { CertificateAndKey } from '@modelmesh/mesh/certificates';

/** The ways to the same answer that are compared. */
export const WAY_NAMES = ['h2', 'node-http2', 'nginx', 'envoy', 'tcp-proxy', 'direct', 'one-hop'] as const;
export type WayName = (typeof WAY_NAMES)[number];

/** What stands in a table for each. */
export const WAY_TITLES: Readonly<Record<WayName, string>> = {
  h2: 'mesh, h2',
  'node-http2': 'mesh, node:http2',
  nginx: 'nginx grpc_pass',
  envoy: 'Envoy',
  'tcp-proxy': 'TCP proxy',
  direct: 'direct',
  'one-hop': 'mesh, one hop',
};

/** One way from a port of the loopback to the runtime. */
export interface Way {
  readonly name: WayName;
  /** The port of the loopback where it takes calls. */
  readonly port: number;
  /** Whether that port speaks TLS. */
  readonly encrypted: boolean;
  /** The processes that it costs, without the runtime; none for `direct`. */
  readonly pids: () => readonly number[];
}

/** What every way is given. */
export interface WayPlan {
  /** The unix socket where the runtime takes calls, and the one of its contract. */
  readonly inferencePath: string;
  readonly managementPath: string;
  /** Speaks TLS with it towards clients, if given. */
  readonly tls: CertificateAndKey | undefined;
  /** A folder for its files. */
  readonly folder: string;
}

/** The model that is called; proxies that know no models ignore its header. */
export const BENCH_MODEL = 'bench';
/** Any method goes to the runtime, which gives back what it gets. */
export const BENCH_PATH = '/lab.Echo/Call';
