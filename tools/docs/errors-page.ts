/** The page about errors, whose table is made from the one table of errors. */
import type { MeshErrorKind } from '@modelmesh/core';
import { ERROR_KINDS, errorMapping, grpcCodeName, type RetryHint } from '@modelmesh/wire/status';

const MEANING: Readonly<Record<MeshErrorKind, string>> = {
  'invalid-argument':
    'the request cannot be understood; the message names the field or position, what was expected and what came',
  'model-not-found': 'no model, endpoint or family has the name',
  'endpoint-not-found': 'no endpoint has the name',
  'not-found': 'something else that was named does not exist',
  'already-exists': 'something of this name exists and is different',
  'failed-precondition': 'it cannot be done in this state, for instance a model is deleted that an endpoint refers to',
  'load-failed': "the model could not be loaded; the message is the runtime's. Remembered for a while",
  'no-capacity': 'there is no room for the model, or it is larger than all there is',
  overloaded: 'too many calls or bytes wait; `retry-after` says when to come again',
  'too-large': 'a message, body or list of headers is over its limit, which the message names',
  'unsupported-method': 'nobody serves the method or path, or it is not allowed',
  'unsupported-encoding': 'the compression is not known; `grpc-accept-encoding` or `accept-encoding` lists what is',
  'unsupported-media-type': 'the content type is not one that the path takes',
  'method-not-allowed': 'the path is served for other HTTP methods, which `allow` lists',
  unauthenticated: 'the caller did not say who it is',
  'permission-denied': 'the caller may not do this',
  'deadline-exceeded': "the call's time is over; a load that it waited for goes on",
  cancelled: 'the caller went away',
  unavailable: 'the runtime was not reached or lost; the message says how often it was tried and why not again',
  'registry-unavailable': 'the change could not be written now; what is loaded goes on being served',
  'not-here': 'the copy is not on this node any more; only between parts of a mesh',
  internal: "a fault of the mesh; the node's log has the details",
};

const ADVICE: Readonly<Record<RetryHint, string>> = {
  elsewhere: 'may help at once',
  later: 'may help later',
  never: 'does not help without a change',
};

const HEAD = `# Errors

<!-- Made from the table of errors in packages/wire/src/status. Change it, then run tools/docs/write-reference.ts; a test compares. -->

Each error of the mesh has a kind, and each kind one gRPC code and one HTTP status. Over gRPC the message is in \`grpc-message\`; over REST the body is
\`{"error": "<sentence>"}\`; \`MeshError\` of \`@modelmesh/sdk\` has the kind. A status that a *runtime* gave is passed on as it is: code, message,
details and trailers.

| kind | gRPC | HTTP | what it means | trying again |
| --- | --- | --- | --- | --- |
`;

const TAIL = `
The mesh tries again by itself where that is safe, so that what a client sees is final: [deadlines and repeated calls](call.md#deadlines-and-repeated-calls).
`;

/** The whole page `docs/guides/errors.md`. */
export const errorsPage = (): string => `${HEAD}${ERROR_KINDS.map(rowOf).join('\n')}\n${TAIL}`;

function rowOf(kind: MeshErrorKind): string {
  const { grpc, http, retry } = errorMapping(kind);
  return `| \`${kind}\` | ${grpcCodeName(grpc)} | ${http} | ${MEANING[kind]} | ${ADVICE[retry]} |`;
}
