import type { ConnectionInfo } from '@modelmesh/grpc/stream';
import type { z } from 'zod';
import type { Action } from '../../authz/index.ts';
import type { QUERIES, QueryName, SchemaName } from './schemas.ts';

/** Methods that the API uses. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** One request, its parts decoded and its query checked. */
export interface RouteCall<Query> {
  /** The value of the one parameter of the path; empty without one. */
  readonly name: string;
  readonly query: Query;
  /** The parsed JSON body; `undefined` without one. */
  readonly body: unknown;
  readonly peer: ConnectionInfo;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}

/** A value to answer with; `status` where it is not that of the route. */
export interface RouteAnswer {
  readonly value: unknown;
  readonly status?: number;
}

/** One operation of the API: what OpenAPI says of it, and what it does. */
export interface Route<Name extends QueryName = QueryName> {
  /** As OpenAPI names it. */
  readonly id: string;
  readonly method: Method;
  /** OpenAPI's template: at most one parameter, in braces. */
  readonly path: string;
  readonly summary: string;
  readonly verb: Action['verb'];
  /** Prefix of the resource that is authorized; the parameter follows it. */
  readonly resource: string;
  readonly query: Name;
  /** Whether the body is a manifest. */
  readonly takesManifest: boolean;
  /** What the body is where it is no manifest; left out: there is none. */
  readonly body?: SchemaName;
  /** Status of success; 204 has no body. */
  readonly status: 200 | 202 | 204;
  /** `null`: no body. */
  readonly answer: SchemaName | null;
  readonly run: (call: RouteCall<z.infer<(typeof QUERIES)[Name]>>) => RouteAnswer | Promise<RouteAnswer>;
}

/** A route of any query. Only the query that the route's own schema made is ever given to `run`. */
export type AnyRoute = Omit<Route, 'run'> & { readonly run: (call: RouteCall<never>) => RouteAnswer | Promise<RouteAnswer> };

/** A route, its parts checked against one another. */
export const route = <Name extends QueryName>(described: Route<Name>): AnyRoute => described;

/** The parameter of a path template, if it has one. */
export const parameterOf = (path: string): string | undefined => /\{(\w+)\}/.exec(path)?.[1];
