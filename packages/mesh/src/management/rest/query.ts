import { durationMs, MeshError } from '@modelmesh/core';
import type { z } from 'zod';
import type { ApplyOptions } from '../../node/index.ts';
import { QUERIES, type QueryName } from './schemas.ts';

/** The query parameters of a request. @throws {MeshError} `invalid-argument` with everything that is wrong with them. */
export function readQuery<Name extends QueryName>(name: Name, query: unknown): z.infer<(typeof QUERIES)[Name]> {
  const result = QUERIES[name].safeParse({ ...Object(query) });
  if (result.success) return result.data as z.infer<(typeof QUERIES)[Name]>;
  const problems = result.error.issues.map(({ path, message }) => `query ${path.join('.') || 'parameters'}: ${message}`);
  throw new MeshError('invalid-argument', problems.join('\n'));
}

/** How the query of an edit wants it made. */
export const applyOptions = ({ dryRun, waitMs, revision }: z.infer<typeof QUERIES.edit>): ApplyOptions => ({
  dryRun: dryRun === 'true',
  waitMs: durationMs(waitMs),
  ...(revision === undefined ? {} : { expectedRevision: revision }),
});
