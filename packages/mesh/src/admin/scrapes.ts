import type { Log } from '../log/index.ts';
import type { AdminAnswer, AdminRoute } from './admin-server.ts';

/** Scrapes at the same time: a page of many models costs a few milliseconds of the thread that also serves calls. */
export const SCRAPES_MAX = 4;
/** Names in one `name[]` filter. */
export const SCRAPE_NAMES_MAX = 200;

/** The text format that Prometheus and ModelMesh agree on. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** `/metrics` and `/`, with the filter `name[]`. */
export function scrapeRoutes(
  render: (names: readonly string[]) => Promise<string>,
  { log, logScrapes }: { readonly log: Log; readonly logScrapes: boolean },
): ReadonlyMap<string, AdminRoute> {
  let scraping = 0;
  const scrape: AdminRoute = async (query): Promise<AdminAnswer> => {
    const names = query.getAll('name[]');
    if (names.length > SCRAPE_NAMES_MAX) return { status: 400, body: `at most ${SCRAPE_NAMES_MAX} names\n` };
    if (scraping >= SCRAPES_MAX) return { status: 503, body: `at most ${SCRAPES_MAX} scrapes at a time\n` };
    scraping += 1;
    try {
      const body = await render(names);
      if (logScrapes) log.info('scraped', 'metrics were read', { names: names.length, bytes: body.length });
      return { status: 200, body, contentType: CONTENT_TYPE };
    } finally {
      scraping -= 1;
    }
  };
  return new Map([
    ['/metrics', scrape],
    ['/', scrape],
  ]);
}
