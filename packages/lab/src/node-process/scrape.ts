import type { NodeProcess } from './node-process.ts';

/** Values of one scrape: each series by its name with labels as it was written, and each name without labels as the sum of its series. */
export type Scrape = ReadonlyMap<string, number>;

/** Reads the metrics of a node. @throws if it was told not to serve any. */
export async function scrape(node: NodeProcess): Promise<Scrape> {
  const { metrics } = node.addresses;
  if (metrics === undefined) throw new Error('the node serves no metrics');
  return parseScrape(await (await fetch(`http://${metrics}/metrics`)).text());
}

/** Reads the text format of Prometheus. */
export function parseScrape(text: string): Scrape {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^([A-Za-z_:][\w:]*)(\{.*\})? (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    if (labels !== '') values.set(`${name}${labels}`, Number(value));
    values.set(name, (values.get(name) ?? 0) + Number(value));
  }
  return values;
}
