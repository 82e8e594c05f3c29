import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@modelmesh/core';
import { type Authorizer, allowAll } from '../../authz/index.ts';
import { systemClock } from '../../node/index.ts';
import { createManagementApp, type ManagementApp } from '../rest/index.ts';
import { FakeControl } from './fake-control.ts';

/** An answer, its body read. */
export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; `undefined` without one. */
  readonly json: unknown;
}

/** The management app in front of a fake control, on a free port of the loopback; `await using` ends it. */
export interface ServedRest extends AsyncDisposable {
  readonly control: FakeControl;
  readonly app: ManagementApp;
  readonly url: string;
  /** Errors that were told as faults of ours. */
  readonly faults: unknown[];
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<RestAnswer>;
}

/** Serves the management app over HTTP/1.1. */
export async function serveRest(
  options: { readonly authorizer?: Authorizer; readonly clock?: Clock; readonly bodyBytesMax?: number } = {},
): Promise<ServedRest> {
  const control = new FakeControl();
  const faults: unknown[] = [];
  const { authorizer = allowAll, clock = systemClock, bodyBytesMax = 64 * 1024 } = options;
  const server = { name: 'modelmesh', version: '0.0.1' };
  const onFault = (error: unknown): void => void faults.push(error);
  const app = await createManagementApp({ control, authorizer, clock, server, bodyBytesMax, onFault });
  const http = createServer((request, response) => app.handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    control,
    app,
    url,
    faults,
    call: async (method, path, body, headers = {}) => {
      const content = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
      const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
      const response = await fetch(url + path, { method, ...content, headers: { ...type, ...headers } });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) };
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
