import { type GrpcRouter, GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { GRPC_CODE } from '@modelmesh/wire/status';

/** Client-streaming: answers with all messages of the request in one. */
export const GATHER = rawMethod('/streams.Service/Gather');
/** Server-streaming: answers with each word of the request; the word `fail` ends the call with DATA_LOSS, `wait` waits until it is cancelled. */
export const SPREAD = rawMethod('/streams.Service/Spread');

/** What the streaming calls share with the runtime that serves them. */
export interface StreamsHost {
  readonly loaded: ReadonlySet<string>;
  readonly seen: HeaderBlock[];
  spreadsCancelled: number;
}

/** Serves the two kinds of streaming that an echo cannot be: many messages to one, and one to many. */
export function serveStreams(router: GrpcRouter, host: StreamsHost): GrpcRouter {
  const enter = (headers: HeaderBlock): void => {
    host.seen.push(headers);
    const model = headers.get('mm-model-id') ?? '';
    if (!host.loaded.has(model)) throw new GrpcStatusError(GRPC_CODE.NOT_FOUND, `model ${model} is not loaded`);
  };
  return router
    .clientStream(GATHER, async (requests, { headers }) => {
      const gathered = await Array.fromAsync(requests);
      enter(headers);
      return gathered;
    })
    .serverStream(SPREAD, async function* (request, { headers, signal }) {
      enter(headers);
      for (const word of Buffer.from(request).toString().split(' ')) {
        if (word === 'fail') throw new GrpcStatusError(GRPC_CODE.DATA_LOSS, 'the rest is lost');
        if (word === 'wait') await untilCancelled(signal, host);
        yield [Buffer.from(word)];
      }
    });
}

async function untilCancelled(signal: AbortSignal, host: StreamsHost): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  host.spreadsCancelled += 1;
  throw signal.reason;
}
