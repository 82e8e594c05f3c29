import assert from 'node:assert/strict';
import { it } from 'node:test';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import type { InferRequest, InferResponse } from '@modelmesh/wire/oip';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { answerOf, errorOf, jsonOf, overBoth, type RestRig, textOf, textOf200, textTensor } from './testing/index.ts';

const PROMPT = { name: 'text_input', datatype: 'BYTES', shape: [1] };
const COUNT = { name: 'max_tokens', datatype: 'INT32', shape: [1] };

const say = (text: string): InferResponse => answerOf(textTensor('text_output', text));
const words = ({ inputs }: InferRequest): string[] => textOf(inputs.find(({ name }) => name === 'text_input')).split(' ');

/** Yields one word after the other. */
async function* wordByWord(request: InferRequest): AsyncGenerator<InferResponse> {
  for (const word of words(request)) yield say(word);
}

/** A model that yields for ever, and counts. */
class Fountain {
  yielded = 0;
  readonly ended = Promise.withResolvers<void>();

  async *stream(): AsyncGenerator<InferResponse> {
    try {
      for (;;) {
        this.yielded += 1;
        yield say('x'.repeat(10_000));
      }
    } finally {
      this.ended.resolve();
    }
  }
}

async function prepare(rig: RestRig): Promise<void> {
  const infer = (request: InferRequest): InferResponse => say(words(request).join('+'));
  await rig.model('words', { behaviour: { platform: 't_t', inputs: [PROMPT, COUNT], infer, stream: wordByWord } });
  await rig.model('untold', { behaviour: { inputs: [], infer, stream: wordByWord } });
  await rig.model('streams', { behaviour: { platform: 't_t', inputs: [PROMPT], stream: wordByWord } });
  await rig.model('silent', { behaviour: { platform: 't_t', inputs: [PROMPT], stream: async function* () {} } });
  await rig.model('breaks', {
    behaviour: {
      platform: 't_t',
      inputs: [PROMPT],
      async *stream(request: InferRequest) {
        const [how] = words(request);
        if (how !== 'at-once') yield say('one');
        if (how === 'in-band') yield 'the model lost its thread';
        else throw new GrpcStatusError(GRPC_CODE.FAILED_PRECONDITION, 'the model stumbled');
      },
    },
  });
}

const eventsOf = (text: string): unknown[] =>
  text
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => {
      assert.ok(part.startsWith('data: '), part);
      return JSON.parse(part.slice(6));
    });

overBoth('generate', {}, prepare, (on) => {
  const stream = (model: string, body: unknown, headers = {}) => on.post(`/v2/models/${model}/generate_stream`, body, headers);

  it('maps text_input to text_output, and members to inputs and parameters', async () => {
    const body = { id: 'g', text_input: 'a b', parameters: { max_tokens: 5, temperature: 0.5 } };
    const answer = await on.post('/v2/models/words/generate', body);
    assert.equal(textOf200(answer), '{"model_name":"words","id":"g","text_output":"a+b"}');
    const seen = on.rig.runtime.seen.at(-1)?.request;
    assert.deepEqual(
      seen?.inputs.map(({ name }) => name),
      ['text_input', 'max_tokens'],
    );
    assert.equal(seen?.parameters.get('temperature'), 0.5);
  });

  it('works with a runtime that tells no metadata', async () => {
    assert.match(textOf200(await on.post('/v2/models/untold/generate', { text_input: 'a b' })), /"text_output":"a\+b"/);
    assert.equal(eventsOf((await stream('untold', { text_input: 'a b' })).body.toString()).length, 2);
  });

  it('33: sends each answer of a stream as a server-sent event', async () => {
    const answer = await stream('words', { text_input: 'one two three', id: 'g' }, { 'x-request-id': 'r1' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(answer.headers['x-request-id'], 'r1');
    assert.deepEqual(
      eventsOf(answer.body.toString()),
      ['one', 'two', 'three'].map((word) => ({ model_name: 'words', id: 'g', text_output: word })),
    );
    const facts = on.rig.calls.at(-1);
    assert.equal(facts?.method, 'inference.GRPCInferenceService/ModelStreamInfer');
    assert.deepEqual([facts?.code, facts?.responseBytes], [0, answer.body.length]);
  });

  it('33: makes an error within a stream an event, and one before it a status', async () => {
    const midway = await stream('breaks', { text_input: 'now' });
    assert.equal(midway.status, 200);
    assert.deepEqual(eventsOf(midway.body.toString()), [
      { model_name: 'breaks', text_output: 'one' },
      { error: 'the model stumbled' },
    ]);
    const inBand = await stream('breaks', { text_input: 'in-band' });
    assert.deepEqual(eventsOf(inBand.body.toString())[1], { error: 'the model lost its thread' });
    assert.equal(errorOf(await stream('breaks', { text_input: 'at-once' }), 409), 'the model stumbled');
    assert.match(errorOf(await stream('words', { text: 'no prompt' }), 400), /text_input/);
    errorOf(await stream('unknown', { text_input: '' }), 404);
  });

  it('33: refuses a question for one answer to a model that streams only', async () => {
    const answer = await on.post('/v2/models/streams/generate', { text_input: 'a' });
    assert.equal(errorOf(answer, 400), 'this model answers in streams only');
  });

  it('makes of a stream without an answer a stream without an event', async () => {
    const answer = await stream('silent', { text_input: 'a' });
    assert.deepEqual([answer.status, answer.body.length], [200, 0]);
  });

  it('takes from the runtime what the client takes, and no more', async () => {
    const fountain = new Fountain();
    await on.rig.model('fountain', {
      behaviour: { platform: 't_t', inputs: [PROMPT], stream: () => fountain.stream() },
    });
    const open = await on.rig.client.open(on.version, {
      method: 'POST',
      path: '/v2/models/fountain/generate_stream',
      body: JSON.stringify({ text_input: 'go' }),
    });
    for (let turn = 0, before = -1; before !== fountain.yielded; turn += 1) {
      before = fountain.yielded;
      for (let wait = 0; wait < 100; wait += 1) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(turn < 100, 'the runtime is not held back');
    }
    const stopped = fountain.yielded;
    assert.ok(stopped < 2000, `${stopped} answers were taken`);
    let received = 0;
    for await (const bytes of open.chunks) {
      received += bytes.length;
      if (received > stopped * 10_000 + 2_000_000) break;
    }
    assert.ok(fountain.yielded > stopped, 'did not go on');
    open.abort();
    await fountain.ended.promise;
    assert.equal(on.rig.calls.at(-1)?.code, GRPC_CODE.CANCELLED);
  });

  it('ends a stream in time if the client says so, with an event', async () => {
    const stalled = Promise.withResolvers<void>();
    await on.rig.model('stalls', {
      behaviour: {
        platform: 't_t',
        inputs: [PROMPT],
        async *stream(_request, { signal }) {
          yield say('one');
          signal.addEventListener('abort', () => stalled.resolve());
          await stalled.promise;
        },
      },
    });
    const answer = await stream('stalls', { text_input: 'a' }, { 'mm-timeout-ms': '100' });
    const [, last] = eventsOf(answer.body.toString());
    assert.match((last as { error: string }).error, /deadline/);
    await stalled.promise;
  });

  it('gives a model back its name as it was asked for', async () => {
    await on.rig.endpoint('chat', 'words');
    const answer = await stream('chat', { text_input: 'a' });
    assert.deepEqual(eventsOf(answer.body.toString()), [{ model_name: 'chat', text_output: 'a' }]);
    assert.equal(
      (jsonOf(await on.post('/v2/models/chat/generate', { text_input: 'a' })) as { model_name: string }).model_name,
      'chat',
    );
    assert.equal(on.rig.calls.at(-1)?.endpoint, 'chat');
  });
});
