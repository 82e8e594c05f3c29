import type { MeshErrorKind } from '@modelmesh/core';

/** What a command ends with, for scripts. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unavailable: 4,
  interrupted: 130,
} as const;

/** One of the codes of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each code means, for the reference. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.done, 'done'],
  [EXIT.failed, 'refused or failed'],
  [EXIT.usage, 'the command line, a manifest or a request was not understood'],
  [EXIT.notFound, 'what was named does not exist'],
  [EXIT.unavailable, 'the mesh was not reached, is not ready or has no room; trying again may help'],
  [EXIT.interrupted, 'ended by Ctrl-C'],
];

const OF_KIND = {
  'invalid-argument': EXIT.usage,
  'model-not-found': EXIT.notFound,
  'endpoint-not-found': EXIT.notFound,
  'not-found': EXIT.notFound,
  'already-exists': EXIT.failed,
  'failed-precondition': EXIT.failed,
  'load-failed': EXIT.failed,
  'no-capacity': EXIT.unavailable,
  overloaded: EXIT.unavailable,
  'too-large': EXIT.failed,
  'unsupported-method': EXIT.failed,
  'unsupported-encoding': EXIT.failed,
  'unsupported-media-type': EXIT.failed,
  'method-not-allowed': EXIT.failed,
  unauthenticated: EXIT.failed,
  'permission-denied': EXIT.failed,
  'deadline-exceeded': EXIT.unavailable,
  cancelled: EXIT.interrupted,
  unavailable: EXIT.unavailable,
  'registry-unavailable': EXIT.unavailable,
  'not-here': EXIT.unavailable,
  internal: EXIT.failed,
} as const satisfies Record<MeshErrorKind, ExitCode>;

/** The exit code of an error. */
export const exitCodeOf = (kind: MeshErrorKind): ExitCode => OF_KIND[kind];

const NEXT_STEP: Partial<Record<MeshErrorKind, string>> = {
  unavailable: 'is a node running there? "mmesh serve" starts one; --server or MESH_SERVER names another',
  'model-not-found': '"mmesh get models" lists what is registered',
  'endpoint-not-found': '"mmesh get endpoints" lists the endpoints',
  'not-found': '"mmesh get models" and "mmesh get endpoints" list what there is',
  'already-exists': 'a change of a model is a new version of it: give the manifest another version',
  'failed-precondition': '"mmesh describe" tells what refers to it',
  'load-failed': '"mmesh describe model NAME" tells where it failed; mend the artifact and apply its manifest again',
  'no-capacity': '"mmesh get instances" tells how much room there is',
  overloaded: 'try again in a moment',
  'deadline-exceeded': 'try again, or give the call more time',
  'registry-unavailable': 'the node goes on serving what is loaded; try again when its registry is back',
  'permission-denied': 'a client certificate with more rights may be given with --tls-cert and --tls-key',
  unauthenticated: 'give a client certificate with --tls-cert and --tls-key',
  'too-large': 'the limits of the node are in its configuration: "mmesh serve --help"',
  internal: 'the log of the node has the details',
};

/** A sentence on what to do about an error of that kind, if there is one. */
export const nextStepOf = (kind: MeshErrorKind): string | undefined => NEXT_STEP[kind];
