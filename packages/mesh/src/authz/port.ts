import { DEFAULT_NAMESPACE, type Namespace } from '@modelmesh/core';
import type { ConnectionInfo } from '@modelmesh/grpc/stream';
import { nameAttributes } from './subject-name.ts';

/** Who makes a call, as far as it was proven. Rules and quotas may trust these fields and no header. */
export interface Principal {
  /** Subject of the verified client certificate; empty for an anonymous caller. */
  readonly subject: string;
  /** Its first organisation (`O`); empty without one. */
  readonly tenant: string;
  readonly namespace: Namespace;
  /** Its organisational units (`OU`), in the order of the subject. */
  readonly groups: readonly string[];
  /** What proved it. */
  readonly source: 'anonymous' | 'mtls';
}

/** What is asked for. `target` is a method (`package.Service/Method`) for inference, a resource for management. */
export interface Action {
  readonly verb: 'infer' | 'read' | 'write' | 'admin';
  readonly target: string;
}

/** Whether a call may go on. */
export type Verdict = { readonly kind: 'allow' } | { readonly kind: 'deny'; readonly reason: string };

/** Decides on every call, inference included: synchronous, from what it has at hand. */
export interface Authorizer {
  authorize(principal: Principal, action: Action): Verdict;
}

const ANONYMOUS: Principal = { subject: '', tenant: '', namespace: DEFAULT_NAMESPACE, groups: [], source: 'anonymous' };

/** The caller behind a connection: the subject of its certificate, with organisation as tenant and units as groups. */
export function principalOf(info: ConnectionInfo): Principal {
  const certificate = info.clientCertificate;
  if (certificate === undefined) return ANONYMOUS;
  const { subject } = certificate;
  const attributes = nameAttributes(subject);
  const valuesOf = (type: string): string[] =>
    attributes.filter((attribute) => attribute.type.toUpperCase() === type).map(({ value }) => value);
  return {
    subject,
    tenant: valuesOf('O')[0] ?? '',
    namespace: DEFAULT_NAMESPACE,
    groups: valuesOf('OU'),
    source: 'mtls',
  };
}
