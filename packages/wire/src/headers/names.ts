/** Names of the header fields that mean something to the mesh. Source: spec `modelmesh.md` §2.2, and for the rest as said. */
export const HEADER = {
  modelId: 'mm-model-id',
  modelIdBin: 'mm-model-id-bin',
  vModelId: 'mm-vmodel-id',
  vModelIdBin: 'mm-vmodel-id-bin',
  /** `true`: the caller spreads its calls evenly over all nodes. */
  balanced: 'mm-balanced',
  /** `all`: every id of a multi-model request must exist. */
  required: 'mm-required',
  /** Older name of `mm-model-id`. */
  legacyModelId: 'tas-model-id',
  /** Ours: `never` forbids to send a call again that perhaps was executed. */
  retry: 'mm-retry',
  /** Ours: the time that a REST call may take, in milliseconds. */
  timeoutMs: 'mm-timeout-ms',
  /** Ours, in answers: this node may decide by an outdated policy. */
  stalePolicy: 'mm-stale-policy',
  /** Ours: the label of the variant that is wanted; REST has it in the path. */
  label: 'mm-label',
  /** Ours: the variant that is wanted, where the policy lets callers choose. */
  variant: 'mm-variant',
  /** Ours: `true` asks for an answer that says where it comes from, in the fields of {@link ORIGIN_HEADER}. */
  explain: 'mm-explain',
  grpcTimeout: 'grpc-timeout',
  grpcEncoding: 'grpc-encoding',
  grpcAcceptEncoding: 'grpc-accept-encoding',
  /** W3C Trace Context §3.2. */
  traceparent: 'traceparent',
  /** W3C Trace Context §3.3. */
  tracestate: 'tracestate',
  /** Customary: names a call in the logs of everyone. */
  requestId: 'x-request-id',
} as const;

/** Fields of answers that say where they come from, for callers that asked with `mm-explain`. All are ours. */
export const ORIGIN_HEADER = {
  endpoint: 'mm-endpoint',
  /** Revision of the endpoint's policy. */
  revision: 'mm-revision',
  variant: 'mm-variant',
  /** The rule that decided; not there where none did. */
  rule: 'mm-rule',
  /** Why the variant was chosen, as a sentence. */
  reason: 'mm-reason',
  model: 'mm-model',
  /** The instance whose copy answered; not there where none was reached. */
  instance: 'mm-instance',
} as const;

/** Prefix of header fields that only nodes of the mesh send to one another. */
export const INTERNAL_PREFIX = 'mesh-';

/** Whether a field is one that only nodes may send: to be dropped when it comes from anyone else, and towards anyone else. */
export const isInternalHeader = (name: string): boolean => name.startsWith(INTERNAL_PREFIX);

const TRANSPORT: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'user-agent',
  'te',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a field belongs to one connection or one transport, so that each hop writes its own: pseudo-header fields included. */
export const isTransportHeader = (name: string): boolean => name.startsWith(':') || TRANSPORT.has(name);

/**
 * Whether a field of a client's request is kept from the runtime: everything that starts with `mm-` or `grpc-`, the legacy id, what
 * belongs to the transport, and our internal fields. Source: spec `modelmesh.md` §2.2.
 */
export const isStrippedTowardsRuntime = (name: string): boolean =>
  name.startsWith('mm-') ||
  name.startsWith('grpc-') ||
  name === HEADER.legacyModelId ||
  isTransportHeader(name) ||
  isInternalHeader(name);
