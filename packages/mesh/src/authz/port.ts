import { DEFAULT_NAMESPACE, type Namespace } from '@modelmesh/core';
import type { ConnectionInfo } from '@modelmesh/grpc/stream';

/** Who makes a call, as far as it was proven. Rules and quotas may trust these fields and no header. */
export interface Principal {
  /** Subject of the verified client certificate; empty for an anonymous caller. */
  readonly subject: string;
  readonly tenant: string;
  readonly namespace: Namespace;
  readonly groups: readonly string[];
  /** What proved it. */
  readonly source: 'anonymous' | 'mtls';
}

/** What is asked for. `target` is a method for inference, a resource for management. */
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

/** Organisation of a subject in RFC 2253 form: the tenant of a client certificate. */
const ORGANISATION = /(?:^|[,\n])\s*O=([^,\n]+)/;
/** Organisational units: the groups. */
const UNIT = /(?:^|[,\n])\s*OU=([^,\n]+)/g;

/** The caller behind a connection: the subject of its certificate, with organisation as tenant and units as groups. */
export function principalOf(info: ConnectionInfo): Principal {
  const certificate = info.clientCertificate;
  if (certificate === undefined) return ANONYMOUS;
  const { subject } = certificate;
  return {
    subject,
    tenant: ORGANISATION.exec(subject)?.[1] ?? '',
    namespace: DEFAULT_NAMESPACE,
    groups: [...subject.matchAll(UNIT)].map((match) => match[1] ?? ''),
    source: 'mtls',
  };
}
