import type { WayName } from '../ways/index.ts';

/** One situation in which the ways are compared. */
export interface Cell {
  readonly name: string;
  readonly bytes: number;
  readonly connections: number;
  readonly streamsPerConnection: number;
  /** Whether every call has the same header block, or a `traceparent` and `x-request-id` of its own. */
  readonly headers: 'identical' | 'unique';
  readonly encrypted: boolean;
  /** Calls begin at a fixed rate: half of what Envoy can. Otherwise as fast as they are answered. */
  readonly isHalfLoad: boolean;
  readonly ways: readonly WayName[];
}

const SIZES = [256, 4096, 65_536, 1_048_576] as const;
const SHAPES = [
  { connections: 1, streamsPerConnection: 1 },
  { connections: 4, streamsPerConnection: 8 },
  { connections: 16, streamsPerConnection: 16 },
] as const;
const PLAIN_WAYS: readonly WayName[] = ['h2', 'node-http2', 'nginx', 'envoy', 'tcp-proxy', 'direct', 'one-hop'];
/** What ends TLS itself. */
const TLS_WAYS: readonly WayName[] = ['h2', 'node-http2', 'nginx', 'envoy'];

/** All situations: sizes × shapes × kinds of headers, TLS, and the fixed rate. */
export function allCells(): readonly Cell[] {
  const cells: Cell[] = [];
  const plain = { encrypted: false, isHalfLoad: false, ways: PLAIN_WAYS } as const;
  for (const bytes of SIZES) {
    for (const shape of SHAPES) {
      for (const headers of ['identical', 'unique'] as const) cells.push(named({ bytes, ...shape, headers, ...plain }));
    }
  }
  const [, middle] = SHAPES;
  cells.push(named({ bytes: SIZES[0], ...middle, headers: 'identical', ...plain, isHalfLoad: true }));
  for (const bytes of SIZES) {
    for (const shape of SHAPES) {
      cells.push(named({ bytes, ...shape, headers: 'identical', ...plain, encrypted: true, ways: TLS_WAYS }));
    }
  }
  return cells;
}

function named(cell: Omit<Cell, 'name'>): Cell {
  const shape = `${cell.connections}×${cell.streamsPerConnection}`;
  const words = [
    sizeText(cell.bytes),
    shape,
    cell.headers,
    ...(cell.encrypted ? ['TLS'] : []),
    ...(cell.isHalfLoad ? ['half load'] : []),
  ];
  return { ...cell, name: words.join(', ') };
}

/** `256 B`, `64 KiB`, `1 MiB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${bytes / 1024} KiB` : `${bytes / 1024 ** 2} MiB`;
}

const CALLS_BY_SIZE: ReadonlyMap<number, number> = new Map([
  [256, 12_000],
  [4096, 8000],
  [65_536, 1600],
  [1_048_576, 120],
]);
/** One call at a time takes longer. */
const SINGLE_SHARE = 0.25;

/** Calls of one run: about a second of work; `share` makes it shorter. Whole for every lane. */
export function callsOf(cell: Cell, share: number): number {
  const lanes = cell.connections * cell.streamsPerConnection;
  const calls = (CALLS_BY_SIZE.get(cell.bytes) ?? 0) * share * (lanes === 1 ? SINGLE_SHARE : 1);
  return Math.max(1, Math.round(calls / lanes)) * lanes;
}
