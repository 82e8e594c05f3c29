// Starts a TypeScript program of this repository with the pinned Node. Runs on Node 20 itself, so no newer syntax here.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pinnedNode } from './pinned-node.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = pinnedNode(root);
if (node.problem !== undefined) {
  process.stderr.write(`${node.problem}\n`);
  process.exit(1);
}

// What Node compiles, types taken out, is kept between runs: every start of every process of these commands is twice as fast.
const compileCache = fileURLToPath(new URL('../node_modules/.cache/modelmesh-compile', import.meta.url));
const child = spawn(node.path, ['--conditions=mesh-source', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { NODE_COMPILE_CACHE: compileCache, ...process.env },
});
// The terminal sends Ctrl-C to the whole group; the child decides when to end, this process only passes its end on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  process.stderr.write(`could not start ${node.path}: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0)));
