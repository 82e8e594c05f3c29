import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { protocolOf } from './sniff.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

describe('the first bytes', () => {
  it('of HTTP/2 are its preface, and undecided until it is whole', () => {
    for (let length = 0; length < PREFACE.length; length++) assert.equal(protocolOf(PREFACE.subarray(0, length)), undefined);
    assert.equal(protocolOf(PREFACE), 'http2');
    assert.equal(protocolOf(Buffer.concat([PREFACE, Buffer.from([0, 0, 0, 4])])), 'http2');
  });

  it('of TLS are a handshake record', () => {
    assert.equal(protocolOf(Buffer.from([0x16, 3, 1])), 'tls');
  });

  it('of anything else go to the parser of HTTP/1.1, however much of the preface they resemble', () => {
    for (const text of ['GET / HTTP/1.1\r\n', 'PRI * HTTP/1.1\r\n', 'POST', '\0', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\rX'])
      assert.equal(protocolOf(Buffer.from(text)), 'http1', text);
  });

  it('never make the decision change with more of them', () => {
    const start = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.nat(30).map((length) => PREFACE.subarray(0, length)),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 30 }), (first, more) => {
        const decided = protocolOf(first);
        if (decided !== undefined) assert.equal(protocolOf(Buffer.concat([first, more])), decided);
      }),
    );
  });
});
