import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdvisedError } from '../failure.ts';
import type { Processes } from '../world.ts';

/** A node as the file says. */
export interface RecordedNode {
  readonly id: string;
  readonly port: number;
  /** Of its newest life; `null` before the first. */
  readonly pid: number | null;
  readonly log: string;
}

/** What a running cluster leaves in its folder, so that other commands find it. */
export interface ClusterFile {
  /** The process that started everything. */
  readonly pid: number;
  /** The private etcd; `null` where the registry is somebody else's. */
  readonly etcd: { readonly pid: number; readonly port: number } | null;
  readonly nodes: readonly RecordedNode[];
}

const pathOf = (folder: string): string => join(folder, 'cluster.json');

/** Writes the file whole. */
export function writeClusterFile(folder: string, file: ClusterFile): void {
  writeFileSync(`${pathOf(folder)}.part`, `${JSON.stringify(file, null, 2)}\n`);
  renameSync(`${pathOf(folder)}.part`, pathOf(folder));
}

/** Takes the file away: the cluster is down. */
export function removeClusterFile(folder: string): void {
  rmSync(pathOf(folder), { force: true });
}

/** The file of the cluster in that folder; `undefined` where none runs. @throws {MeshError} `failed-precondition` if it cannot be understood */
export function readClusterFile(folder: string): ClusterFile | undefined {
  let text: string;
  try {
    text = readFileSync(pathOf(folder), 'utf8');
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as ClusterFile;
  } catch (cause) {
    throw new AdvisedError('failed-precondition', `${pathOf(folder)} is damaged; end its processes and remove it`, { cause });
  }
}

/** Processes of the cluster that still run: the first is the one that started the others. A number that was given to another program is none. */
export function runningOf({ pid, etcd, nodes }: ClusterFile, folder: string, processes: Processes): readonly number[] {
  const isOurs = (candidate: number): boolean => {
    const command = processes.commandOf(candidate);
    return command !== undefined && (command.includes(folder) || (candidate === pid && /\bcluster up\b/.test(command)));
  };
  const all = [pid, ...nodes.map((node) => node.pid), etcd?.pid ?? null];
  return all.filter((candidate) => candidate !== null).filter(isOurs);
}
