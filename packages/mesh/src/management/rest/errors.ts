import { MeshError, toMeshError } from '@modelmesh/core';
import type { ErrorView } from '@modelmesh/sdk/client';
import { httpStatusOf, kindOfHttpStatus, retryAfterSeconds } from '@modelmesh/wire/status';

/** An answer that is no success. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorView;
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer that an error stands for, by the one table of errors. */
export function errorAnswer(error: MeshError): ErrorAnswer {
  const retryAfter = retryAfterSeconds(error.retryAfterMs);
  return {
    status: httpStatusOf(error),
    body: { error: error.message, kind: error.kind },
    headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  };
}

/** What was thrown, as an error of ours: what the HTTP framework refuses keeps its text, everything else its kind. */
export function restError(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const refusal = frameworkRefusal(thrown);
  return refusal === undefined ? toMeshError(thrown) : new MeshError(kindOfHttpStatus(refusal.status), refusal.text);
}

function frameworkRefusal(thrown: unknown): { readonly status: number; readonly text: string } | undefined {
  if (!(thrown instanceof Error) || !('statusCode' in thrown)) return undefined;
  const status = thrown.statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return { status, text: thrown instanceof SyntaxError ? `the body is not JSON: ${thrown.message}` : thrown.message };
}
