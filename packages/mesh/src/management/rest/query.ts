import { durationMs, MeshError } from '@modelmesh/core';
import type { z } from 'zod';
import type { ApplyOptions, PreviewedCall } from '../../node/index.ts';
import { QUERIES, type QueryName, SCHEMAS } from './schemas.ts';

/** The query parameters of a request. @throws {MeshError} `invalid-argument` with everything that is wrong with them. */
export function readQuery<Name extends QueryName>(name: Name, query: unknown): z.infer<(typeof QUERIES)[Name]> {
  const result = QUERIES[name].safeParse({ ...Object(query) });
  if (result.success) return result.data as z.infer<(typeof QUERIES)[Name]>;
  const problems = result.error.issues.map(({ path, message }) => `query ${path.join('.') || 'parameters'}: ${message}`);
  throw new MeshError('invalid-argument', problems.join('\n'));
}

/** The body of a question about a call. @throws {MeshError} `invalid-argument` with everything that is wrong with it */
export function readPreviewedCall(body: unknown): PreviewedCall {
  const result = SCHEMAS.PreviewedCall.safeParse(body ?? {});
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`);
    throw new MeshError('invalid-argument', problems.join('\n'));
  }
  const { headers, query, payload, ...others } = result.data;
  const lower = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const fields = { headers: new Map(lower), query: new Map(Object.entries(query)), payload: new Map(Object.entries(payload)) };
  return { ...others, ...fields };
}

/** How the query of an edit wants it made. */
export const applyOptions = ({ dryRun, waitMs, revision }: z.infer<typeof QUERIES.edit>): ApplyOptions => ({
  dryRun: dryRun === 'true',
  waitMs: durationMs(waitMs),
  ...(revision === undefined ? {} : { expectedRevision: revision }),
});
