import type { Registry } from 'prom-client';

/** The text format of Prometheus that ModelMesh answers in. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What a histogram's name may end in, in a filter. */
const SAMPLE_SUFFIX = /_(bucket|sum|count)$/;

/**
 * The page. With `names` (the parameter `name[]` of a scrape) only the metrics named, whole, or the samples of a histogram that are named,
 * such as `…_count`.
 */
export async function renderText(registry: Registry, names: readonly string[]): Promise<string> {
  if (names.length === 0) return registry.metrics();
  const wanted = new Set(names);
  const parts: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    const samples = names.filter((one) => one.replace(SAMPLE_SUFFIX, '') === name && one !== name);
    if (!wanted.has(name) && samples.length === 0) continue;
    const text = await registry.getSingleMetricAsString(name);
    parts.push(wanted.has(name) ? text : onlySamples(text, samples));
  }
  return parts.length === 0 ? '' : `${parts.join('\n\n')}\n`;
}

function onlySamples(text: string, samples: readonly string[]): string {
  const kept = (line: string): boolean =>
    line.startsWith('#') || samples.some((sample) => line.startsWith(`${sample}{`) || line.startsWith(`${sample} `));
  return text.split('\n').filter(kept).join('\n');
}
