import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../run-steps.ts';
import { type Command, endOf, freePort, npmOfMajor, outsideEnvironment, runOutside, succeed } from './outside.ts';

/** From the first command to answers that can be compared, installation included. */
const FIRST_ANSWER_MS_MAX = 180_000;
const CLONE_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 20_000;

interface Way {
  readonly npm: number;
  readonly flags: readonly string[];
}

/** The oldest Node that the two commands are promised for; which one runs them here is printed. */
const NODE_MAJOR_MIN = 20;

const WAYS: readonly Way[] = [11, 10].flatMap((npm) => [
  { npm, flags: [] },
  { npm, flags: ['--ignore-scripts'] },
]);

const noClone = existsSync(join(ROOT, '.git')) ? false : 'this folder is no clone, so there is nothing to clone';

describe('two commands on a fresh clone of what is committed', { skip: noClone }, () => {
  for (const way of WAYS) {
    it(`npm ${way.npm} ci ${way.flags.join(' ')}: npm start answers within three minutes, ends by Ctrl-C, and npm test runs`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'mesh-fresh-'));
      try {
        const npm = await npmOfMajor(way.npm, folder);
        const clone = join(folder, 'clone');
        await succeed(['git'], ['clone', '--quiet', ROOT, clone], { cwd: folder, timeoutMs: CLONE_TIMEOUT_MS });
        const install = await succeed(npm, ['ci', ...way.flags], { cwd: clone, timeoutMs: FIRST_ANSWER_MS_MAX });
        const start = await startAndLeave(npm, clone);
        const node = await runOutside(['node'], ['--version'], { cwd: clone, timeoutMs: CLONE_TIMEOUT_MS });
        assert.ok(
          Number(/^v(\d+)\./.exec(node.out)?.[1]) >= NODE_MAJOR_MIN,
          `the commands are promised for Node 20 or newer: ${node.out}`,
        );
        const firstAnswerMs = install.tookMs + start.answersMs;
        console.log(
          `Node ${node.out.trim()}, npm ${way.npm}: installed in ${Math.round(install.tookMs)} ms, answers after ${Math.round(firstAnswerMs)} ms`,
        );
        assert.equal(start.rows.length, 18, start.out);
        assert.deepEqual(
          start.rows.filter((row) => !row.endsWith(' same')),
          [],
        );
        assert.ok(firstAnswerMs < FIRST_ANSWER_MS_MAX, `${firstAnswerMs} ms`);
        const one = ['test', '--', '--only', 'tools/test/outcome'];
        const tests = await succeed(npm, one, { cwd: clone, timeoutMs: CLONE_TIMEOUT_MS });
        assert.match(tests.out, /^[1-9]\d* passed, 0 failed, 0 skipped$/m);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});

interface Start {
  /** From the command to the end of the table. */
  readonly answersMs: number;
  readonly rows: readonly string[];
  readonly out: string;
}

/** `npm start` until it says that it stays up, then Ctrl-C, which a terminal sends to the whole group. Nothing may be left of the group. */
async function startAndLeave([program, ...first]: Command, clone: string): Promise<Start> {
  const beganMs = performance.now();
  const port = await freePort();
  const child = spawn(program, [...first, 'start', '--', '--port', String(port)], {
    cwd: clone,
    env: outsideEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = endOf(child);
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), FIRST_ANSWER_MS_MAX);
  let out = '';
  let err = '';
  let answersMs = Number.POSITIVE_INFINITY;
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  for await (const chunk of child.stdout) {
    out += String(chunk);
    if (answersMs !== Number.POSITIVE_INFINITY || !out.includes('Ctrl-C ends the node.')) continue;
    answersMs = performance.now() - beganMs;
    timer.refresh();
    signalGroup(child, 'SIGINT');
    setTimeout(() => signalGroup(child, 'SIGKILL'), END_TIMEOUT_MS).unref();
  }
  const code = await ended;
  clearTimeout(timer);
  // npm and its shell end by the signal themselves; that of the node is proven by the group being empty.
  const how = code ?? child.signalCode;
  assert.ok(how === 0 || how === 'SIGINT', `npm start ended with ${how}:\n${out}${err}`);
  assert.equal(err, '');
  assert.ok(!signalGroup(child, 0), 'processes of npm start are left');
  return { answersMs, rows: out.split('\n').filter((line) => / (REST|gRPC) {2}/.test(line)), out: `${out}${err}` };
}

/** Whether the group still had a process. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return child.pid !== undefined && process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}
