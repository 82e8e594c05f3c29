import { ERROR_KINDS, ERROR_TABLE, grpcCodeName } from '@modelmesh/wire/status';
import { EVENTS_PATH, EVENTS_SUMMARY } from './openapi.ts';
import type { AnyRoute } from './route.ts';
import { managementRoutes } from './routes/index.ts';
import { QUERIES } from './schemas.ts';

/** The reference of the management API, as Markdown, made from the table of its routes and the table of errors. */
export function managementReference(): string {
  const routes = describedRoutes();
  const rows = routes.map(({ method, path, query, summary }) => row(method, path, Object.keys(QUERIES[query].shape), summary));
  const events = row('GET', EVENTS_PATH, Object.keys(QUERIES.events.shape), EVENTS_SUMMARY);
  const errors = ERROR_KINDS.map((kind) => {
    const { http, grpc, retry } = ERROR_TABLE[kind];
    return `| \`${kind}\` | ${http} | ${grpcCodeName(grpc)} | ${retry} |`;
  });
  return `${[
    '# Management over REST',
    '<!-- Made from the routes in packages/mesh/src/management/rest. Change them, then run tools/docs/write-reference.ts; a test compares. -->',
    'Served on every listener with the role `management`, beside inference unless that is moved. `/api/v1/openapi.json` describes every operation and ' +
      'shape. Bodies and answers are JSON; keys and names in paths are percent-encoded, slashes too. The calls of `mmesh.ModelMesh` over gRPC do the same.',
    ['| operation | query | |', '| --- | --- | --- |', ...[...rows, events].toSorted()].join('\n'),
    'An answer that is no success is `{"error": "…", "kind": "…"}`. Over gRPC the same kinds have these codes; *retry* says where trying again may help.',
    ['| kind | HTTP | gRPC | retry |', '| --- | --- | --- | --- |', ...errors].join('\n'),
  ].join('\n\n')}\n`;
}

/** Routes that are described and never run, so that they need no control. */
const describedRoutes = (): readonly AnyRoute[] => managementRoutes(undefined as never, { name: '', version: '' });

const row = (method: string, path: string, query: readonly string[], summary: string): string =>
  `| \`${method} ${path}\` | ${query.map((name) => `\`${name}\``).join(', ')} | ${summary} |`;
