import { digits, mebibytes, type Table, type Cell as TableCell } from '../../figures/index.ts';
import { WAY_NAMES, WAY_TITLES, type WayName } from '../ways/index.ts';
import { type CellFigures, ratioName, type WayFigures } from './measure.ts';

type Cells = Readonly<Record<string, CellFigures>>;

const ABSENT = '–';

/** CPU of every way, and what `h2` costs in that of Envoy and nginx. */
export function cpuTable(cells: Cells): Table {
  const ways = WAY_NAMES.filter((name) => name !== 'direct');
  const ratio = ({ ratios }: CellFigures, of: WayName, to: WayName): string => {
    const spread = ratios[ratioName('cpuUs', of, to)];
    return spread === undefined ? ABSENT : `${digits(spread.median)} (${digits(spread.min)}–${digits(spread.max)})`;
  };
  return {
    title: 'CPU of the server, µs a call (process and threads, runtime not counted; of both nodes for one hop)',
    columns: ['', ...ways.map((name) => WAY_TITLES[name]), 'h2 / Envoy', 'h2 / nginx', 'h2 / node:http2', 'hop / h2'],
    rows: Object.entries(cells).map(([name, cell]) => [
      name,
      ...ways.map((way) => figure(cell.ways[way], ({ cpuUs }) => digits(cpuUs, cpuUs < 100 ? 1 : 0))),
      ratio(cell, 'h2', 'envoy'),
      ratio(cell, 'h2', 'nginx'),
      ratio(cell, 'h2', 'node-http2'),
      ratio(cell, 'one-hop', 'h2'),
    ]),
  };
}

/** Throughput, latency and memory, a table each. */
export function otherTables(cells: Cells): readonly Table[] {
  return [
    table(cells, 'Calls a second', ({ perSecond }) => digits(perSecond, 0)),
    table(cells, 'Latency, ms: p50 / p99', ({ p50Ms, p99Ms }) => `${digits(p50Ms)} / ${digits(p99Ms)}`),
    table(cells, 'Resident memory', ({ residentBytes }) => (residentBytes === 0 ? ABSENT : mebibytes(residentBytes))),
  ];
}

function table(cells: Cells, title: string, show: (figures: WayFigures) => string): Table {
  return {
    title,
    columns: ['', ...WAY_NAMES.map((name) => WAY_TITLES[name])],
    rows: Object.entries(cells).map(([name, { ways }]) => [name, ...WAY_NAMES.map((way) => figure(ways[way], show))]),
  };
}

const figure = (figures: WayFigures | undefined, show: (figures: WayFigures) => string): TableCell =>
  figures === undefined ? ABSENT : show(figures);
