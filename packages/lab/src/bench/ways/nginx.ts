import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '@modelmesh/mesh/kv/testing';
import { ForeignProcess } from './foreign-process.ts';
import type { NginxTools } from './tools.ts';
import type { Way, WayPlan } from './way.ts';

/**
 * nginx with one worker as a gRPC proxy that keeps its connections, and as a TCP proxy (its stream module): the floor of what any process between
 * client and runtime costs. Each an nginx of its own. Nothing is logged; the worker runs as
 * whoever runs the bench, whose sockets it opens; limits are lifted where they would end a long run.
 */
export async function startNginx(tools: NginxTools, name: 'nginx' | 'tcp-proxy', plan: WayPlan): Promise<Way & AsyncDisposable> {
  const [port = 0] = await freePorts(1);
  const folder = join(plan.folder, name);
  await mkdir(folder, { recursive: true });
  const isGrpc = name === 'nginx';
  // A module is loaded before anything else is said.
  const modules = isGrpc || tools.streamModule === '' ? '' : `load_module ${tools.streamModule};\n`;
  const path = join(folder, 'nginx.conf');
  await writeFile(path, `${modules}${common(folder)}${isGrpc ? await grpcBlock(plan, port, folder) : streamBlock(plan, port)}`);
  const server = new ForeignProcess(tools.nginx, ['-p', folder, '-c', path, '-e', join(folder, 'error.log')]);
  await server.listening(port);
  return {
    name,
    port,
    encrypted: isGrpc && plan.tls !== undefined,
    pids: () => server.pids,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const common = (folder: string): string => `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${join(folder, 'nginx.pid')};
error_log ${join(folder, 'error.log')} error;
worker_rlimit_nofile 65536;
events { worker_connections 32768; }
`;

async function grpcBlock({ inferencePath, tls }: WayPlan, port: number, folder: string): Promise<string> {
  const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  if (tls !== undefined) {
    await writeFile(cert, tls.cert);
    await writeFile(key, tls.key);
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${join(folder, what)};`,
  );
  return `http {
  access_log off;
  ${temporary.join('\n  ')}
  client_max_body_size 0;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  http2_max_concurrent_streams 20000;
  grpc_read_timeout 1h;
  grpc_send_timeout 1h;
  upstream runtime { server unix:${inferencePath}; keepalive 1024; keepalive_requests 1000000000; keepalive_time 10h; }
  server {
    listen 127.0.0.1:${port} ${tls === undefined ? '' : 'ssl '}http2 backlog=4096;
    ${tls === undefined ? '' : `ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3;`}
    location / { grpc_pass grpc://runtime; }
  }
}
`;
}

const streamBlock = ({ inferencePath }: WayPlan, port: number): string => `stream {
  access_log off;
  server { listen 127.0.0.1:${port} backlog=4096; proxy_pass unix:${inferencePath}; proxy_timeout 1h; }
}
`;
