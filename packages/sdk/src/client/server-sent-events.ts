import { MeshError } from '@modelmesh/core';

/** Letters of one event; a stream that exceeds them is none of ours. */
export const EVENT_CHARS_MAX = 1024 * 1024;

/** One server-sent event. */
export interface ServerSentEvent {
  /** `message` unless the event says otherwise. */
  readonly name: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** The events of a stream of bytes, comments left out. Source: the HTML standard, *Server-sent events*. @throws {MeshError} `too-large`. */
export async function* serverSentEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop() ?? '';
    if (text.length > EVENT_CHARS_MAX) throw new MeshError('too-large', `an event is longer than ${EVENT_CHARS_MAX} letters`);
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event !== undefined) yield event;
    }
  }
}

function parseBlock(block: string): ServerSentEvent | undefined {
  let [name, id]: [string, string | undefined] = ['message', undefined];
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === 'event') name = value;
    else if (field === 'id') id = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { name, id, data: data.join('\n') };
}
