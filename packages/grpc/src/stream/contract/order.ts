import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerBlock } from '../header-block.ts';
import type { StreamEngine } from '../port.ts';
import { bytesOf, okHeaders, Pair, requestHeaders } from './pair.ts';
import { Recorder } from './recorder.ts';

/** Order of callbacks, ends of directions, headers. */
export function orderContract(makeEngine: () => StreamEngine): void {
  callbackTests(makeEngine);
  halfCloseTests(makeEngine);
  headerTests(makeEngine);
}

function callbackTests(makeEngine: () => StreamEngine): void {
  test('headers, data and trailers come in order and both sides hear one close', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream, heard }) =>
        void heard.untilEnd().then(() => {
          stream.sendHeaders(okHeaders, false);
          stream.sendData(bytesOf('answer'), false);
          stream.sendTrailers(headerBlock(['grpc-status', '0']));
        }),
    });
    const heard = new Recorder();
    const stream = pair.open(heard);
    stream.sendData(bytesOf('question'), true);
    await heard.untilOver();
    const { heard: server } = await pair.nthAccepted(0);
    await server.untilOver();
    assert.deepEqual(heard.events, ['headers', 'data', 'trailers', 'closed']);
    assert.deepEqual(server.events, ['data', 'end', 'closed']);
    assert.equal(heard.text, 'answer');
    assert.equal(server.text, 'question');
    assert.deepEqual(heard.trailers?.raw(), ['grpc-status', '0']);
    assert.deepEqual([...heard.violations, ...server.violations], []);
  });

  test('an answer of one header block has its end in onHeaders', async () => {
    const only = headerBlock([':status', '200', 'grpc-status', '5']);
    await using pair = await Pair.over(makeEngine(), { serve: ({ stream }) => stream.sendHeaders(only, true) });
    const heard = new Recorder();
    pair.open(heard, true);
    await heard.untilOver();
    assert.deepEqual(heard.events, ['headers end', 'closed']);
    assert.deepEqual(heard.headers?.raw(), only.raw());
  });

  test('a request without a body says so when it is accepted', async () => {
    await using pair = await Pair.over(makeEngine());
    pair.open(new Recorder(), true);
    const accepted = await pair.nthAccepted(0);
    assert.equal(accepted.end, true);
    assert.deepEqual(accepted.heard.events, []);
  });

  test('trailers right after the headers come as trailers or as the end of the headers', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream }) => {
        stream.sendHeaders(okHeaders, false);
        stream.sendTrailers(headerBlock(['grpc-status', '0']));
      },
    });
    const heard = new Recorder();
    pair.open(heard, true);
    await heard.untilOver();
    assert.deepEqual(heard.events, ['headers', 'trailers', 'closed']);
  });

  test('a body may end without trailers, and empty', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream }) => {
        stream.sendHeaders(okHeaders, false);
        stream.sendData(new Uint8Array(0), true);
      },
    });
    const heard = new Recorder();
    pair.open(heard, true);
    await heard.untilOver();
    assert.deepEqual(heard.events, ['headers', 'end', 'closed']);
  });
}

function halfCloseTests(makeEngine: () => StreamEngine): void {
  test('the client may end first and still hear a long answer', async () => {
    await using pair = await Pair.over(makeEngine());
    const heard = new Recorder();
    pair.open(heard).sendData(bytesOf('q'), true);
    const { stream, heard: server } = await pair.nthAccepted(0);
    await server.untilEnd();
    stream.sendHeaders(okHeaders, false);
    for (const part of ['one', 'two', 'three']) {
      const before = heard.receivedBytes;
      stream.sendData(bytesOf(part), false);
      await heard.until(() => heard.receivedBytes === before + part.length);
    }
    stream.sendData(bytesOf('.'), true);
    await heard.untilOver();
    assert.equal(heard.text, 'onetwothree.');
  });

  test('the server may end first and still hear the rest of the request', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream }) => {
        stream.sendHeaders(okHeaders, false);
        stream.sendTrailers(headerBlock(['grpc-status', '0']));
      },
    });
    const heard = new Recorder();
    const stream = pair.open(heard);
    await heard.untilEnd();
    assert.equal(heard.over, false);
    stream.sendData(bytesOf('late'), true);
    const { heard: server } = await pair.nthAccepted(0);
    await Promise.all([heard.untilOver(), server.untilOver()]);
    assert.equal(server.text, 'late');
    assert.equal(server.events.at(-1), 'closed');
    assert.equal(heard.events.at(-1), 'closed');
  });

  test('five hundred streams at once end once each with their own bytes', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream, heard }) =>
        void heard.untilEnd().then(() => {
          stream.sendHeaders(okHeaders, false);
          stream.sendData(bytesOf(heard.text), true);
        }),
    });
    const heard = Array.from({ length: 500 }, () => new Recorder());
    heard.forEach((recorder, index) => {
      pair.open(recorder).sendData(bytesOf(`call ${index}`), true);
    });
    await Promise.all(heard.map((recorder) => recorder.untilOver()));
    for (const [index, recorder] of heard.entries()) {
      assert.equal(recorder.text, `call ${index}`);
      assert.deepEqual([recorder.events.at(-1), ...recorder.violations], ['closed']);
    }
  });
}

function headerTests(makeEngine: () => StreamEngine): void {
  test('header fields keep their order and repetition, and a block can be sent on as it came', async () => {
    const extra = ['x-list', 'a', 'x-other', 'b', 'x-list', 'c', 'data-bin', 'AAEC'];
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream, headers }) => {
        stream.sendHeaders(headers.without((name) => name.startsWith(':')).with(':status', '200'), true);
      },
    });
    const heard = new Recorder();
    pair.open(heard, true, extra);
    await heard.untilOver();
    const accepted = await pair.nthAccepted(0);
    assert.deepEqual(accepted.headers.raw(), requestHeaders(extra).raw());
    assert.deepEqual(accepted.headers.getAll('x-list'), ['a', 'c']);
    assert.deepEqual(heard.headers?.raw(), [':status', '200', ...extra]);
  });

  test('repeated trailers stay repeated', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream }) => {
        stream.sendHeaders(okHeaders, false);
        stream.sendTrailers(headerBlock(['grpc-status', '0', 'x', '1', 'x', '2']));
      },
    });
    const heard = new Recorder();
    pair.open(heard, true);
    await heard.untilOver();
    assert.deepEqual(heard.trailers?.getAll('x'), ['1', '2']);
  });

  test('a header block that must not be sent ends its stream and no other', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream, headers }) => {
        const bad = headers.get('x-bad') !== undefined;
        stream.sendHeaders(headerBlock(bad ? [':status', '200', 'no spaces', 'x'] : [':status', '200']), true);
      },
    });
    const refused = new Recorder();
    pair.open(refused, true, ['x-bad', '1']);
    const refusedHere = new Recorder();
    pair.open(refusedHere, true, ['no spaces', '1']);
    const fine = new Recorder();
    pair.open(fine, true);
    await Promise.all([refused.untilOver(), refusedHere.untilOver(), fine.untilOver()]);
    assert.equal(refused.cause?.kind, 'peer-reset');
    assert.equal(refusedHere.cause?.kind, 'protocol-error');
    assert.deepEqual(fine.events, ['headers end', 'closed']);
  });
}
