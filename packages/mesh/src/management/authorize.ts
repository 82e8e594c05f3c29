import { assertNever, MeshError } from '@modelmesh/core';
import type { ConnectionInfo } from '@modelmesh/grpc/stream';
import { type Action, type Authorizer, principalOf } from '../authz/index.ts';

/** Lets a management call go on. @throws {MeshError} `permission-denied` with the reason. */
export function authorizeCall(authorizer: Authorizer, peer: ConnectionInfo, action: Action): void {
  const verdict = authorizer.authorize(principalOf(peer), action);
  switch (verdict.kind) {
    case 'allow':
      return;
    case 'deny':
      throw new MeshError('permission-denied', verdict.reason);
    default:
      assertNever(verdict);
  }
}
