import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever, epochMs, MeshError } from '@modelmesh/core';
import type { CopyState, CopyStateSchema } from '@modelmesh/wire/peer';
import type { PeerCopy } from './port.ts';

/** What became of a copy, in the form that travels. */
export function copyMessage(copy: PeerCopy): MessageInitShape<typeof CopyStateSchema> {
  switch (copy.kind) {
    case 'loaded':
    case 'loading':
      return { state: { case: copy.kind, value: {} } };
    case 'failed':
      return { state: { case: 'failed', value: copy.failure } };
    case 'absent':
      return { state: { case: 'absent', value: { message: copy.message } } };
    default:
      return assertNever(copy);
  }
}

/** What a peer says became of a copy. @throws {MeshError} `internal` if it says nothing that this version knows */
export function readCopy(message: CopyState | undefined): PeerCopy {
  const state = message?.state;
  switch (state?.case) {
    case 'loaded':
    case 'loading':
      return { kind: state.case };
    case 'failed': {
      const { atMs, message: said } = state.value;
      return { kind: 'failed', failure: { atMs: epochMs(Number.isFinite(atMs) ? atMs : 0), message: said } };
    }
    case 'absent':
      return { kind: 'absent', message: state.value.message };
    case undefined:
      throw new MeshError('internal', 'the peer answered with a state of the copy that this version does not know');
    default:
      return assertNever(state);
  }
}
