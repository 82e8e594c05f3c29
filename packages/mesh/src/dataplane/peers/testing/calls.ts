import assert from 'node:assert/strict';
import { durationMs } from '@modelmesh/core';
import { GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import type { PeerNode } from './peer-rig.ts';

/** Any method: the runtime echoes all of them. */
export const ECHO = rawMethod('/any.Service/Call');

/** An answer with what came around it. */
export interface Answered {
  readonly body: string;
  readonly headers: HeaderBlock | undefined;
  readonly trailers: HeaderBlock | undefined;
}

/** Calls through `node` for the model `m`. */
export async function call(node: PeerNode, text: string, more: readonly string[] = [], timeoutMs = 60_000): Promise<Answered> {
  let headers: HeaderBlock | undefined;
  let trailers: HeaderBlock | undefined;
  const answer = await node.client.call(ECHO, [Buffer.from(text)], {
    headers: ['mm-model-id', 'm', ...more],
    onHeaders: (block) => {
      headers = block;
    },
    onTrailers: (block) => {
      trailers = block;
    },
    timeoutMs: durationMs(timeoutMs),
  });
  return { body: Buffer.from(answer).toString(), headers, trailers };
}

/** Code, message and trailers of a call that fails. */
export async function refused(promise: Promise<unknown>): Promise<GrpcStatusError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof GrpcStatusError, String(error));
  return error;
}

/** Waits for what happens in another turn. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
