#!/usr/bin/env node
// Starts the command line with the Node that this package brings. Runs on Node 20 itself, so no newer syntax here.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pinnedNode } from './pinned-node.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = pinnedNode(root);
if (node.problem !== undefined) {
  process.stderr.write(`${node.problem}\n`);
  process.exit(1);
}

// Sources are run in the repository alone: Node strips no types below node_modules, where only what was compiled is shipped.
const source = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const program = existsSync(source)
  ? ['--conditions=mesh-source', source]
  : [fileURLToPath(new URL('../dist/main.js', import.meta.url))];
const args = [...program, ...process.argv.slice(2)];

if (typeof process.execve === 'function' && process.platform !== 'win32') {
  process.removeAllListeners('warning');
  process.execve(node.path, [node.path, ...args], process.env);
}
const child = spawn(node.path, args, { stdio: 'inherit' });
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
