import { HEADER, type HeaderReader } from '@modelmesh/wire/headers';
import type { CallLog } from './call-plan.ts';
import type { Plane } from './plane.ts';

/** What the log is to say of a call that enters here; nothing where no header is logged. */
export function callLog(plane: Pick<Plane, 'metrics'>, headers: HeaderReader): CallLog | undefined {
  const fields = plane.metrics.loggedFields?.(headers) ?? null;
  if (fields === null) return undefined;
  return { fields, requestId: headers.get(HEADER.requestId) ?? null, forwarded: false };
}
