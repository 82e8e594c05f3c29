import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@modelmesh/core';
import type { ByteStream, ConnectionInfo, HeaderBlock, StreamHandler } from '@modelmesh/grpc/stream';
import type { Authorizer } from '../../authz/index.ts';
import type { Control } from '../../node/control.ts';

/** What management over REST stands on. */
export interface ManagementAppDeps {
  readonly control: Control;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  /** What `/api/v1/openapi.json` and `/api/v1/status` say of the server. */
  readonly server: { readonly name: string; readonly version: string };
  /** The largest manifest, in bytes; 1 MiB unless given. */
  readonly bodyBytesMax?: number;
  /** Hears of errors that are faults of ours, with their stack; callers are told nothing of them. */
  readonly onFault?: (error: unknown, path: string) => void;
}

/** Management over REST under `/api/v1`: an HTTP app that listens nowhere. */
export interface ManagementApp {
  /** Whether a path (a query is ignored) is one of the app's. */
  handles(path: string): boolean;
  /** Answers an HTTP/1.1 request of any `node:http` server. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Answers an HTTP/2 stream; what the engine reports of it goes to the returned handler. `end`: the request has no body. */
  bridge(stream: ByteStream, headers: HeaderBlock, end: boolean, peer: ConnectionInfo): StreamHandler;
  /** Ends open event streams and refuses further requests. */
  close(): Promise<void>;
}

/** How the app is made. It is ready to answer when the promise resolves. */
export type CreateManagementApp = (deps: ManagementAppDeps) => Promise<ManagementApp>;
