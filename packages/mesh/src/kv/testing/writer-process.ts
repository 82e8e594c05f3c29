import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A child that writes the workload, see `writer-program.ts`. */
export class WriterProcess {
  readonly #child: ChildProcess;
  /** The highest step that the child said was acknowledged. */
  acknowledged = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Starts the child and kills it as soon as it has told `steps` acknowledgements; 0 leaves it running with its file open. */
  static async run(path: string, steps: number): Promise<WriterProcess> {
    const program = fileURLToPath(new URL('./writer-program.ts', import.meta.url));
    const child = spawn(process.execPath, ['--conditions=mesh-source', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const writer = new WriterProcess(child);
    const exited = once(child, 'exit');
    let told = 0;
    for await (const line of createInterface({ input: child.stdout ?? assert.fail() })) {
      if (line.startsWith('open ')) {
        if (steps === 0) return writer;
        continue;
      }
      writer.acknowledged = Math.max(writer.acknowledged, Number(line));
      told += 1;
      if (told === steps) child.kill('SIGKILL');
    }
    const [, signal] = await exited;
    assert.equal(signal, 'SIGKILL', 'the writer ended by itself');
    return writer;
  }

  /** As a power failure would: nothing is flushed or closed. */
  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
