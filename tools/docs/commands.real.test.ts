import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../run-steps.ts';
import { type Block, blocksOf, pagesWithCommands, readPage } from './pages.ts';

/** Commands that start or test everything: proven by other suites, which are named here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'npm ci && npm start': 'tools/packaging/fresh-clone.real.test.ts',
  'npm test': '.ci/run',
  'npm run test:real': '.ci/run',
  'npm run check': '.ci/run',
};

const START_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 60_000;
const LAUNCHER = join(ROOT, 'packages/cli/bin/mmesh.mjs');

const { MESH_TEST_GRPCURL: grpcurl, MESH_TEST_PYTHON: python, MESH_TEST_MISSING: why } = process.env;

/** A node of the pages, and where its ports really are. */
interface Served {
  readonly child: ChildProcess;
  readonly ports: Readonly<Record<'inference' | 'probes' | 'metrics', string>>;
}

async function serve(folder: string, flags: readonly string[]): Promise<Served> {
  const args = ['serve', '--data-dir', folder, '--listeners-inference-host', '127.0.0.1', '--listeners-inference-port', '0'];
  const child = spawn(process.execPath, [LAUNCHER, ...args, '--prestop-port', 'none', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = Promise.withResolvers<Record<string, string>>();
  const timer = setTimeout(() => ready.reject(new Error(`not ready:\n${log}`)), START_TIMEOUT_MS);
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString();
    const line = log.split('\n').find((each) => each.includes('"event":"node-ready"') && each.endsWith('}'));
    if (line !== undefined) ready.resolve(JSON.parse(line));
  });
  child.once('exit', () => ready.reject(new Error(`the node ended:\n${log}`)));
  const said = await ready.promise.finally(() => clearTimeout(timer));
  const portOf = (name: string): string => said[name]?.split(':').at(-1) ?? 'none';
  return { child, ports: { inference: portOf('inference'), probes: portOf('probes'), metrics: portOf('metrics') } };
}

/** The place where a reader stands: the repository around, files of the page in a folder of their own, two nodes up. */
class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), 'mesh-docs-'));
  readonly #bin = join(this.folder, 'bin');
  readonly #ports = new Map<string, string>();
  readonly #nodes: ChildProcess[] = [];

  async open(): Promise<void> {
    for (const name of ['examples', 'packages', 'tools', 'node_modules', 'package.json'])
      symlinkSync(join(ROOT, name), join(this.folder, name));
    mkdirSync(this.#bin);
    writeFileSync(join(this.#bin, 'mmesh'), `#!/bin/sh\nexec '${process.execPath}' '${LAUNCHER}' "$@"\n`, { mode: 0o755 });
    if (grpcurl?.includes('/')) symlinkSync(grpcurl, join(this.#bin, 'grpcurl'));
    const first = await serve(join(this.folder, 'node'), ['--probes-port', '0', '--metrics-port', '0']);
    const text = await serve(join(this.folder, 'text'), [
      '--runtime-server',
      'stream-text',
      '--probes-port',
      '0',
      '--metrics-port',
      '0',
    ]);
    this.#nodes.push(first.child, text.child);
    this.#ports.set('8033', first.ports.inference).set('8089', first.ports.probes).set('2112', first.ports.metrics);
    this.#ports.set('8034', text.ports.inference);
    await this.run('bash', ['-c', 'mmesh apply -f examples/models -f examples/endpoint']);
  }

  close(): void {
    for (const node of this.#nodes) node.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  shell(text: string): Promise<string> {
    return this.run('bash', ['-euo', 'pipefail', '-c', this.#here(text)]);
  }

  python(text: string): Promise<string> {
    return this.run(python ?? '', ['-c', this.#here(text)]);
  }

  /** The pages say the ports of one node on a machine of its own. */
  #here(text: string): string {
    return text.replace(/localhost:(\d+)/g, (all, port: string) => {
      const free = this.#ports.get(port);
      return free === undefined ? all : `127.0.0.1:${free}`;
    });
  }

  run(program: string, args: readonly string[]): Promise<string> {
    const env = {
      ...process.env,
      PATH: [this.#bin, process.env.PATH].join(delimiter),
      MESH_SERVER: `http://127.0.0.1:${this.#ports.get('8033')}`,
    };
    return new Promise((resolve, reject) => {
      execFile(program, args, { cwd: this.folder, env, timeout: COMMAND_TIMEOUT_MS }, (error, out, err) => {
        if (error === null) resolve(out);
        else reject(new Error(`${args.at(-1)}\nended with ${error.code}:\n${out}${err}`));
      });
    });
  }
}

const isElsewhere = ({ text }: Block): boolean =>
  text
    .trim()
    .split('\n')
    .every((line) => Object.keys(ELSEWHERE).some((command) => line.replace(/ +(#.*|-- --install)$/, '').trim() === command));

function missingFor({ language, text }: Block): string | false {
  if (language === 'python' && python === undefined) return why ?? 'the Python clients are not prepared';
  if (language === 'sh' && /^grpcurl /m.test(text) && grpcurl === undefined) return why ?? 'grpcurl is not prepared';
  return false;
}

describe('the commands of the pages, run as they stand there', () => {
  const reader = new Reader();
  before(() => reader.open());
  after(() => reader.close());

  for (const path of pagesWithCommands()) {
    describe(path, () => {
      let answer = '';
      for (const block of blocksOf(readPage(path))) {
        const file = /^file=(\S+)$/.exec(block.info)?.[1];
        if (file !== undefined) before(() => writeFileSync(join(reader.folder, file), block.text));
        else if (block.language === 'sh' && !isElsewhere(block))
          it(`line ${block.line}`, { skip: missingFor(block) }, async () => {
            answer = await reader.shell(block.text);
            assert.doesNotMatch(answer, /\{"error":/);
          });
        else if (block.language === 'python')
          it(`line ${block.line}`, { skip: missingFor(block) }, async () => {
            assert.notEqual(await reader.python(block.text), '');
          });
        else if (block.info === 'answer')
          it(`line ${block.line}: the answer is the one that stands there`, () => {
            assert.deepEqual(JSON.parse(answer), JSON.parse(block.text));
          });
      }
    });
  }

  it('examples/inference-service/iris.yaml, with a server of files as its first lines say', async () => {
    const files = createServer((request, response) =>
      response.end(readFileSync(join(ROOT, 'examples/models', request.url ?? ''))),
    );
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
    const { port } = files.address() as AddressInfo;
    const manifest = readFileSync(join(ROOT, 'examples/inference-service/iris.yaml'), 'utf8');
    writeFileSync(join(reader.folder, 'service.yaml'), manifest.replace('localhost:8000', `127.0.0.1:${port}`));
    const request = '{"inputs":[{"name":"features","datatype":"FP32","shape":[1,4],"data":[6.3,3.3,4.7,1.6]}]}';
    try {
      await reader.shell('mmesh apply -f service.yaml');
      const answer = await reader.shell(`mmesh infer iris-service -d '${request}'`);
      assert.equal(JSON.parse(answer).outputs[0].data[0], 1);
      await reader.shell('mmesh delete -f service.yaml');
    } finally {
      files.close();
      files.closeAllConnections();
    }
  });
});
