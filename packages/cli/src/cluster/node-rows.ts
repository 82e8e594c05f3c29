import { relative } from 'node:path';
import { durationMs } from '@modelmesh/core';
import { type InstanceView, MeshClient } from '@modelmesh/sdk/client';
import { ageText, bytesText, type Column, type Style, styled } from '../output/index.ts';
import type { CliWorld } from '../world.ts';
import type { RecordedNode } from './cluster-file.ts';

/** What a node may take to say how it is. */
const ANSWER_TIMEOUT_MS = durationMs(1500);

/** How a node is. `silent`: it runs and does not answer in time. */
export type NodeState = 'starting' | 'ready' | 'not ready' | 'leaving' | 'silent' | 'down';

/** A node as it is now. */
export interface NodeRow {
  readonly id: string;
  readonly url: string;
  readonly state: NodeState;
  readonly pid: number | null;
  /** Other nodes that it knows; `null` while it says nothing. */
  readonly sees: number | null;
  readonly copies: number | null;
  readonly usedBytes: number | null;
  readonly startedAt: string | null;
  readonly log: string;
}

/** Asks a node how it is. `runs`: whether its process does. */
export async function askNode(world: CliWorld, node: RecordedNode, runs: boolean, wasUp: boolean): Promise<NodeRow> {
  const url = `http://127.0.0.1:${node.port}`;
  const unknown = { sees: null, copies: null, usedBytes: null, startedAt: null };
  const row = { id: node.id, url, pid: runs ? node.pid : null, log: node.log };
  if (!runs) return { ...row, ...unknown, state: 'down' };
  const late = new AbortController();
  const timer = world.clock.after(ANSWER_TIMEOUT_MS, () => late.abort());
  try {
    using client = new MeshClient({ server: url });
    const { rest } = client;
    const [status, instances] = await Promise.all([
      rest.status({ signal: late.signal }),
      rest.instances({ signal: late.signal }),
    ]);
    const own = instances.find(({ id }) => id === node.id);
    return {
      ...row,
      state: stateOf(status.ready, own),
      sees: instances.filter(({ id }) => id !== node.id).length,
      copies: own?.models ?? 0,
      usedBytes: own?.usedBytes ?? 0,
      startedAt: own?.startedAt ?? null,
    };
  } catch {
    // A node that was never heard is still on its way; one that was is in trouble.
    return { ...row, ...unknown, state: wasUp ? 'silent' : 'starting' };
  } finally {
    timer.cancel();
  }
}

function stateOf(ready: boolean, own: InstanceView | undefined): NodeState {
  if (own?.shuttingDown === true) return 'leaving';
  return ready ? 'ready' : 'not ready';
}

const STYLES = {
  starting: 'yellow',
  ready: 'green',
  'not ready': 'yellow',
  leaving: 'yellow',
  silent: 'red',
  down: 'red',
} as const satisfies Record<NodeState, Style>;

const numberText = (count: number | null): string => (count === null ? '' : String(count));

/** The columns of the table of nodes. */
export const nodeColumns = (world: CliWorld): readonly Column<NodeRow>[] => [
  { title: 'NODE', cell: ({ id }) => id },
  { title: 'ADDRESS', cell: ({ url }) => url },
  { title: 'STATE', cell: ({ state }) => styled(world.out, STYLES[state], state) },
  { title: 'SEES', cell: ({ sees }) => numberText(sees) },
  { title: 'COPIES', cell: ({ copies }) => numberText(copies) },
  { title: 'USED', cell: ({ usedBytes }) => bytesText(usedBytes) },
  { title: 'UP', cell: ({ startedAt }) => ageText(startedAt, world.clock.wallMs()) },
  { title: 'PID', cell: ({ pid }) => numberText(pid) },
  { title: 'LOG', cell: ({ log }) => relative(world.cwd, log) },
];
