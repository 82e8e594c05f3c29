import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '@modelmesh/mesh/kv/testing';
import { ForeignProcess } from './foreign-process.ts';
import type { Way, WayPlan } from './way.ts';

/** Envoy with one worker as an HTTP/2 proxy: its router alone, no access log, no limit that would end a long run. */
export async function startEnvoy(envoy: string, plan: WayPlan): Promise<Way & AsyncDisposable> {
  const [port = 0] = await freePorts(1);
  const path = join(plan.folder, 'envoy.json');
  await writeFile(path, JSON.stringify(bootstrap(plan, port)));
  const server = new ForeignProcess(envoy, ['-c', path, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']);
  await server.listening(port);
  return {
    name: 'envoy',
    port,
    encrypted: plan.tls !== undefined,
    pids: () => server.pids,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const STREAMS_MAX = 20_000;
const TYPES = 'type.googleapis.com/envoy.extensions';

function bootstrap({ inferencePath, tls }: WayPlan, port: number): object {
  const router = { name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPES}.filters.http.router.v3.Router` } };
  const route = { match: { prefix: '/' }, route: { cluster: 'runtime', timeout: '0s' } };
  const manager = {
    '@type': `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'bench',
    codec_type: 'HTTP2',
    stream_idle_timeout: '0s',
    http2_protocol_options: { max_concurrent_streams: STREAMS_MAX },
    route_config: { name: 'all', virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [router],
  };
  const options = {
    '@type': `${TYPES}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: { max_concurrent_streams: STREAMS_MAX } },
  };
  const threshold = { max_connections: STREAMS_MAX, max_pending_requests: STREAMS_MAX, max_requests: STREAMS_MAX };
  const cluster = {
    name: 'runtime',
    type: 'STATIC',
    connect_timeout: '5s',
    circuit_breakers: { thresholds: [threshold] },
    typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options },
    load_assignment: {
      cluster_name: 'runtime',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: inferencePath } } } }] }],
    },
  };
  const filter = { name: 'envoy.filters.network.http_connection_manager', typed_config: manager };
  const chain = { filters: [filter], ...(tls === undefined ? {} : { transport_socket: serverTls(tls) }) };
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return { static_resources: { listeners: [{ name: 'bench', address, filter_chains: [chain] }], clusters: [cluster] } };
}

const serverTls = ({ cert, key }: NonNullable<WayPlan['tls']>): object => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': `${TYPES}.transport_sockets.tls.v3.DownstreamTlsContext`,
    common_tls_context: {
      alpn_protocols: ['h2'],
      tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
    },
  },
});
