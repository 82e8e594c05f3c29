import { stringify } from 'yaml';
import type { CliWorld } from '../world.ts';

/** Forms of output: `table` for people, the others for programs. */
export const FORMATS = ['table', 'json', 'yaml'] as const;
/** One of {@link FORMATS}. */
export type Format = (typeof FORMATS)[number];

/** Writes a value as JSON or YAML, or whatever `table` writes. */
export function printValue(world: CliWorld, format: Format, value: unknown, table: () => void): void {
  switch (format) {
    case 'json':
      world.out.write(`${JSON.stringify(value, null, 2)}\n`);
      return;
    case 'yaml':
      world.out.write(stringify(value, { aliasDuplicateObjects: false }));
      return;
    case 'table':
      table();
  }
}
