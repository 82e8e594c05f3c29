import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { canMeasure, childrenOf, cpuMs, familyOf, isAlive, peakResidentBytes, processUsage, threadsCpuMs } from './index.ts';

const MiB = 1 << 20;
const skip = canMeasure ? false : 'there is no /proc on this platform';

/** A process that does what `code` says, prints a letter when it has, and stays. */
async function doing(code: string): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(process.execPath, ['-e', `${code}; process.stdout.write('x'); process.stdin.resume();`]);
  await once(child.stdout, 'data');
  return child as typeof child & { readonly pid: number };
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('the usage of a process', { skip }, () => {
  it('tells CPU time and memory that it used, each by itself', { timeout: 20_000 }, async () => {
    const idle = await doing('');
    const busy = await doing(`
      const until = process.cpuUsage().user + 300_000;
      while (process.cpuUsage().user < until);
      globalThis.kept = Buffer.alloc(${64 * MiB}, 1)`);

    const [small, large] = [processUsage(idle.pid), processUsage(busy.pid)];

    assert.ok(large.cpuMs - small.cpuMs >= 200, `${large.cpuMs} ms and ${small.cpuMs} ms`);
    assert.ok(large.privateBytes - small.privateBytes >= 50 * MiB, `${large.privateBytes} and ${small.privateBytes} bytes`);
    assert.ok(large.residentBytes >= large.privateBytes && peakResidentBytes(busy.pid) >= large.residentBytes);
    // Both count the same; ticks are ten milliseconds, and some threads of a start have ended.
    assert.ok(Math.abs(threadsCpuMs(busy.pid) - cpuMs(busy.pid)) <= 100);
    await Promise.all([end(idle), end(busy)]);
  });

  it('knows its children, and who is gone', { timeout: 20_000 }, async () => {
    const parent = await doing(`require('node:child_process').spawn(process.execPath, ['-e', 'process.stdin.resume()'])`);
    const [child] = childrenOf(parent.pid);
    assert.ok(child !== undefined);
    assert.deepEqual(familyOf(parent.pid), [parent.pid, child]);
    assert.ok(childrenOf(process.pid).includes(parent.pid));

    await end(parent);

    assert.equal(isAlive(parent.pid), false);
    assert.deepEqual(childrenOf(parent.pid), []);
    if (isAlive(child)) process.kill(child, 'SIGKILL');
  });
});
