import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from './free-ports.ts';

const run = promisify(execFile);

/** The programs, as the tier of real systems names them in its environment. */
export interface EtcdTools {
  readonly etcd: string;
  readonly etcdctl: string;
  /** The reason for a skip where they are not there. */
  readonly missing: string | undefined;
}

/** Reads where etcd is from the environment of a suite. */
export function etcdTools(env: Readonly<Record<string, string | undefined>>): EtcdTools {
  const { MESH_TEST_ETCD: etcd, MESH_TEST_ETCDCTL: etcdctl, MESH_TEST_MISSING: why } = env;
  const missing = `etcd is not there: ${why ?? 'run the tier of real systems'}`;
  return { etcd: etcd ?? '', etcdctl: etcdctl ?? '', missing: etcd === undefined || etcdctl === undefined ? missing : undefined };
}

/** What a member is started with besides its place. */
export interface EtcdOptions {
  readonly tls?: EtcdTls;
  /** The address of this machine where clients reach it; the loopback unless given. */
  readonly host?: string;
  /** Further arguments of `etcd`. */
  readonly args?: readonly string[];
}

/** PEM files for a member that speaks TLS and wants certificates from its clients. */
export interface EtcdTls {
  readonly cert: string;
  readonly key: string;
  /** Who signed the certificates of clients. */
  readonly clientCa: string;
  /** What `etcdctl` shows. */
  readonly clientCert: { readonly cert: string; readonly key: string };
}

interface MemberPlan {
  readonly name: string;
  readonly port: number;
  readonly peerPort: number;
}

/** One etcd member as a child process, with a data folder and free ports of its own. */
export class EtcdProcess {
  readonly port: number;
  readonly #tools: EtcdTools;
  readonly #folder: string;
  readonly #plan: MemberPlan;
  readonly #cluster: string;
  readonly #tls: EtcdTls | undefined;
  readonly #args: readonly string[];
  readonly #host: string;
  #child: ChildProcess | undefined;

  private constructor(tools: EtcdTools, plan: MemberPlan, cluster: string, options: EtcdOptions) {
    this.#tools = tools;
    this.port = plan.port;
    this.#plan = plan;
    this.#cluster = cluster;
    this.#tls = options.tls;
    this.#args = options.args ?? [];
    this.#host = options.host ?? '127.0.0.1';
    this.#folder = mkdtempSync(join(tmpdir(), 'mesh-etcd-'));
  }

  /** Starts a cluster, and resolves when every member answers. */
  static async cluster(tools: EtcdTools, size: number, options: EtcdOptions = {}): Promise<EtcdProcess[]> {
    const ports = await freePorts(2 * size);
    const plans = Array.from({ length: size }, (_, index) => ({
      name: `m${index}`,
      port: ports[2 * index] ?? assert.fail(),
      peerPort: ports[2 * index + 1] ?? assert.fail(),
    }));
    const cluster = plans.map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`).join(',');
    const members = plans.map((plan) => new EtcdProcess(tools, plan, cluster, options));
    for (const member of members) member.start();
    await Promise.all(members.map((member) => member.healthy()));
    return members;
  }

  /** Starts one that stands alone. */
  static async alone(tools: EtcdTools, options: EtcdOptions = {}): Promise<EtcdProcess> {
    const [member] = await EtcdProcess.cluster(tools, 1, options);
    return member ?? assert.fail();
  }

  /** Process id of one that runs. */
  get pid(): number {
    return this.#child?.pid ?? assert.fail();
  }

  get endpoint(): { readonly host: string; readonly port: number } {
    return { host: this.#host, port: this.port };
  }

  /** Starts it, also again on its data. */
  start(): void {
    assert.ok(this.#child === undefined, 'it runs already');
    const { name, port, peerPort } = this.#plan;
    const scheme = this.#tls === undefined ? 'http' : 'https';
    const args = [
      ...['--name', name, '--data-dir', join(this.#folder, 'data'), '--logger', 'zap', '--log-level', 'error'],
      ...[
        '--listen-client-urls',
        `${scheme}://${this.#host}:${port}`,
        '--advertise-client-urls',
        `${scheme}://${this.#host}:${port}`,
      ],
      ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peerPort}`],
      ...['--initial-cluster', this.#cluster, '--initial-cluster-state', 'new'],
      ...this.#tlsArgs(),
      ...this.#args,
    ];
    this.#child = spawn(this.#tools.etcd, args, { stdio: 'ignore' });
  }

  /** Resolves when it answers a linearizable read. */
  async healthy(): Promise<void> {
    if (this.#tls === undefined) await this.ctl('get', 'none');
    else
      await this.#ctlOver(
        ['--cacert', this.#path('cert.pem'), '--cert', this.#path('client.pem'), '--key', this.#path('client-key.pem')],
        ['get', 'none'],
      );
  }

  /** Runs `etcdctl` against it. @returns what it printed */
  ctl(...args: readonly string[]): Promise<string> {
    return this.#ctlOver([], args);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it at once; its data stays. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Removes its data, of a member that does not run. */
  forget(): void {
    rmSync(join(this.#folder, 'data'), { recursive: true });
  }

  /** Ends it and removes its data. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #tlsArgs(): string[] {
    if (this.#tls === undefined) return [];
    const { cert, key, clientCa, clientCert } = this.#tls;
    writeFileSync(this.#path('client.pem'), clientCert.cert);
    writeFileSync(this.#path('client-key.pem'), clientCert.key);
    writeFileSync(this.#path('cert.pem'), cert);
    writeFileSync(this.#path('key.pem'), key);
    writeFileSync(this.#path('client-ca.pem'), clientCa);
    return [
      ...['--cert-file', this.#path('cert.pem'), '--key-file', this.#path('key.pem')],
      ...['--client-cert-auth', '--trusted-ca-file', this.#path('client-ca.pem')],
    ];
  }

  async #ctlOver(tls: readonly string[], args: readonly string[]): Promise<string> {
    const endpoint = `${this.#tls === undefined ? 'http' : 'https'}://${this.#host}:${this.port}`;
    const common = ['--endpoints', endpoint, '--dial-timeout', '20s', '--command-timeout', '20s', ...tls];
    const { stdout } = await run(this.#tools.etcdctl, [...common, ...args]);
    return stdout;
  }
}
