import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../bin/mmesh.mjs', import.meta.url));
const { MESH_TEST_ETCD: etcd, MESH_TEST_MISSING: why } = process.env;
const skip = etcd === undefined ? `etcd is not there: ${why ?? 'run the tier of real systems'}` : undefined;
const UP_MS = 120_000;

interface Row {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  readonly pid: number | null;
  readonly log: string;
}

/** `mmesh cluster up` as a person starts it in another terminal. */
class Up {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  text = '';
  #heard = (): void => undefined;

  constructor(folder: string, ...args: readonly string[]) {
    const all = ['cluster', 'up', '--data-dir', folder, '--etcd-binary', etcd ?? '', '--runtime', 'null', ...args];
    this.child = spawn(process.execPath, [LAUNCHER, ...all], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
        this.#heard();
      });
  }

  /** Resolves when it has written what matches. */
  async says(pattern: RegExp): Promise<void> {
    const said = new Promise<void>((resolve) => {
      this.#heard = () => {
        if (pattern.test(this.text)) resolve();
      };
      this.#heard();
    });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), UP_MS);
    await Promise.race([said, this.ended]);
    clearTimeout(timer);
    assert.match(this.text, pattern);
  }
}

describe('a cluster on this machine', { skip }, () => {
  const root = mkdtempSync(join(tmpdir(), 'mmesh-cluster-'));
  after(() => rmSync(root, { recursive: true, force: true }));

  const mmesh = (...args: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> =>
    new Promise((resolve) => {
      execFile(process.execPath, [LAUNCHER, ...args], (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
    });
  const rowsIn = async (folder: string): Promise<readonly Row[]> =>
    JSON.parse((await mmesh('cluster', 'status', '--data-dir', folder, '-o', 'json')).out);
  const isAlive = (pid: number | null): boolean => {
    try {
      return pid !== null && process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  test('three nodes answer for each other, are told of, and end in order from elsewhere', { timeout: 300_000 }, async () => {
    const folder = join(root, 'a');
    const up = new Up(folder);
    await up.says(/the cluster is ready/);
    const rows = await rowsIn(folder);
    assert.deepEqual(
      rows.map(({ id, state }) => [id, state]),
      [
        ['n1', 'ready'],
        ['n2', 'ready'],
        ['n3', 'ready'],
      ],
    );
    const [first, , third] = rows.map(({ url }) => url);
    const second = await mmesh('cluster', 'up', '--data-dir', folder, '--etcd-binary', etcd ?? '');
    assert.equal(second.code, 1);
    assert.match(second.err, /a cluster runs in .* already/);
    for (const server of [first, third]) {
      const { code, out } = await mmesh('get', 'instances', '--server', server ?? '', '-o', 'json');
      assert.deepEqual([code, JSON.parse(out).length], [0, 3]);
    }

    const down = await mmesh('cluster', 'down', '--data-dir', folder);
    assert.deepEqual([down.code, down.err], [0, '']);
    assert.equal(await up.ended, 0, up.text);
    assert.deepEqual(
      rows.filter(({ pid }) => isAlive(pid)),
      [],
    );
    for (const { log } of rows) assert.match(readFileSync(log, 'utf8'), /"event":"node-ending"/);
    assert.ok(existsSync(join(folder, 'etcd.log')));
    assert.equal((await mmesh('cluster', 'status', '--data-dir', folder)).code, 3);
  });

  test('a node that is killed is started again at its port, and Ctrl-C ends all', { timeout: 300_000 }, async () => {
    const folder = join(root, 'b');
    const up = new Up(folder, '--nodes', '2', '--restart');
    await up.says(/the cluster is ready/);
    const [, before] = await rowsIn(folder);
    assert.ok(before?.pid);
    process.kill(before.pid, 'SIGKILL');
    await up.says(/n2 is (down|starting)[\s\S]*n2 is ready/);
    const [, again] = await rowsIn(folder);
    assert.deepEqual([again?.url, again?.state], [before.url, 'ready']);
    assert.notEqual(again?.pid, before.pid);
    up.child.kill('SIGINT');
    assert.equal(await up.ended, 0, up.text);
    assert.deepEqual([isAlive(again?.pid ?? null), existsSync(join(folder, 'cluster.json'))], [false, false]);
  });

  test('what a killed command left behind is ended from elsewhere', { timeout: 300_000 }, async () => {
    const folder = join(root, 'c');
    const up = new Up(folder, '--nodes', '1');
    await up.says(/the cluster is ready/);
    const [node] = await rowsIn(folder);
    up.child.kill('SIGKILL');
    await up.ended;
    const outlives = isAlive(node?.pid ?? null);
    assert.ok(outlives, 'a killed command takes nothing along');
    const down = await mmesh('cluster', 'down', '--data-dir', folder);
    assert.equal(down.code, 0, down.err);
    // Where nobody reaps orphans the number stays: whether it serves is what counts.
    await assert.rejects(fetch(`${node?.url}/v2/health/live`), TypeError);
  });
});
