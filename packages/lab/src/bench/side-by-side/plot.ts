import { digits } from '../../figures/index.ts';
import { WAY_NAMES, WAY_TITLES, type WayName } from '../ways/index.ts';
import type { CellFigures } from './measure.ts';

const COLOURS: Readonly<Record<WayName, string>> = {
  h2: '#1b6ac9',
  'node-http2': '#8db8ea',
  nginx: '#3d9a50',
  envoy: '#b0498c',
  'tcp-proxy': '#9a9a9a',
  direct: '#d0d0d0',
  'one-hop': '#e08a1e',
};

const WIDTH = 720;
const LABEL_WIDTH = 150;
const FIGURE_WIDTH = 70;
const BAR_HEIGHT = 15;
const TITLE_HEIGHT = 26;

/** CPU a call of every way as bars, a group for each situation on a scale of its own; an SVG. */
export function plotCells(cells: Readonly<Record<string, CellFigures>>, caption: string): string {
  const parts: string[] = [text(8, 20, caption, 'font-weight="bold"')];
  let y = TITLE_HEIGHT + 8;
  for (const [name, { ways }] of Object.entries(cells)) {
    const bars = WAY_NAMES.flatMap((way) => {
      const cpuUs = ways[way]?.cpuUs ?? 0;
      return cpuUs === 0 ? [] : [{ way, cpuUs }];
    });
    const longest = Math.max(...bars.map(({ cpuUs }) => cpuUs));
    parts.push(text(8, y + 16, name, 'font-weight="bold"'));
    y += TITLE_HEIGHT;
    for (const { way, cpuUs } of bars) {
      const width = ((WIDTH - LABEL_WIDTH - FIGURE_WIDTH) * cpuUs) / longest;
      parts.push(text(LABEL_WIDTH - 8, y + 12, WAY_TITLES[way], 'text-anchor="end"'));
      parts.push(
        `<rect x="${LABEL_WIDTH}" y="${y + 1}" width="${digits(width, 1)}" height="${BAR_HEIGHT - 3}" fill="${COLOURS[way]}"/>`,
      );
      parts.push(text(LABEL_WIDTH + width + 6, y + 12, `${digits(cpuUs, cpuUs < 100 ? 1 : 0)} µs`));
      y += BAR_HEIGHT;
    }
    y += 6;
  }
  const size = `width="${WIDTH}" height="${y + 8}" viewBox="0 0 ${WIDTH} ${y + 8}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${digits(x, 1)}" y="${digits(y, 1)}" ${more}>${escaped(words)}</text>`;

const escaped = (words: string): string => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
