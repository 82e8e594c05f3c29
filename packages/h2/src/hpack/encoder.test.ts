import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteWriter } from '../bytes/index.ts';
import { type Field, field, HpackDecoder, HpackEncoder } from './index.ts';

/** The octets of one block in hex. */
function block(encoder: HpackEncoder, ...fields: readonly Field[]): string {
  const writer = new ByteWriter();
  encoder.encode(fields, writer);
  return writer.take().toString('hex');
}

describe('an encoder', () => {
  it('writes an index for what the static table has, and for nothing that only has its name', () => {
    assert.equal(
      block(new HpackEncoder(), field(':method', 'POST'), field(':status', '404'), field('accept-encoding', 'gzip, deflate')),
      '838d90',
    );
    assert.match(block(new HpackEncoder(), field(':method', 'PUT')), /^02/);
  });

  it('puts names that hardly change into the table at once', () => {
    const encoder = new HpackEncoder();
    const type = field('content-type', 'application/grpc');
    assert.match(block(encoder, type), /^5f8b/);
    assert.equal(block(encoder, type, type), 'bebe');
  });

  it('puts other fields into the table when their value comes again', () => {
    const encoder = new HpackEncoder();
    const path = field(':path', '/a/b');
    assert.match(block(encoder, path), /^04/);
    assert.match(block(encoder, path), /^44/);
    assert.equal(block(encoder, path), 'be');
  });

  it('knows a field again that was made anew', () => {
    const encoder = new HpackEncoder();
    const made = () => field('x-tenant', 'acme');
    block(encoder, made());
    block(encoder, made());
    assert.equal(block(encoder, made()), 'be');
  });

  it('puts one field into the table for its name, and lets no values that are new each time push others out', () => {
    const encoder = new HpackEncoder();
    const constant = field('user-agent', 'agent/1');
    block(encoder, constant);
    for (let call = 0; call < 5000; call += 1)
      block(encoder, constant, field('x-request-id', `id-${call}`), field('x-own', `own-${call}`), field(':path', `/p/${call}`));
    assert.match(
      block(encoder, constant, field('x-request-id', 'next')),
      /^c00f[0-9a-f]{2}/,
      'an index, and a literal whose name is one',
    );
  });

  it('never indexes a secret, whatever it is called or however it came (RFC 7541 §7.1.3)', () => {
    const encoder = new HpackEncoder();
    const secrets = [
      field('authorization', 'Bearer x'),
      field('cookie', 'a=b'),
      field('x-key', 'k', { sensitive: true }),
      field('cookie', ''),
    ];
    const first = block(encoder, ...secrets);
    assert.match(first, /^1f08/);
    assert.equal(block(encoder, ...secrets), first);
    const came = new HpackDecoder().decode(Buffer.from(first, 'hex'));
    assert.ok(came.kind === 'list');
    assert.deepEqual(
      came.fields.map((one) => one.sensitive),
      [true, true, true, true],
    );
    assert.equal(block(new HpackEncoder(), ...came.fields), first);
  });

  it('keeps a field out of the table that would take more than a quarter of it', () => {
    const encoder = new HpackEncoder();
    const large = field('user-agent', 'a'.repeat(1100));
    assert.equal(block(encoder, large), block(encoder, large));
  });

  it('writes octets as they came, plain or in Huffman code', () => {
    for (const hex of ['5f0568656c6c6f', '5f849cb4507f']) {
      const came = new HpackDecoder().decode(Buffer.from(hex, 'hex'));
      assert.ok(came.kind === 'list');
      assert.equal(came.fields[0]?.value, 'hello');
      assert.equal(block(new HpackEncoder(), ...came.fields), hex);
    }
  });
});

describe('the size of an encoder’s table', () => {
  it('is told before the first field where we use less than the other side expects', () => {
    assert.equal(block(new HpackEncoder(0), field(':method', 'GET')), '2082');
    assert.equal(block(new HpackEncoder(100), field(':method', 'GET')), '3f4582');
  });

  it('is not told where nothing changes', () => {
    const encoder = new HpackEncoder();
    encoder.setPeerTableBytesMax(65_536);
    assert.equal(block(encoder, field(':method', 'GET')), '82');
  });

  it('comes down to what the other side allows, and by way of the smallest (RFC 7541 §4.2)', () => {
    const encoder = new HpackEncoder();
    encoder.setPeerTableBytesMax(100);
    assert.equal(block(encoder, field(':method', 'GET')), '3f4582');
    encoder.setPeerTableBytesMax(0);
    encoder.setPeerTableBytesMax(4096);
    assert.equal(block(encoder, field(':method', 'GET')), '203fe11f82');
    assert.equal(block(encoder, field(':method', 'GET')), '82');
  });

  it('of 0 keeps everything out of it', () => {
    const encoder = new HpackEncoder();
    encoder.setPeerTableBytesMax(0);
    const type = field('content-type', 'application/grpc');
    assert.match(block(encoder, type), /^200f10/);
    assert.match(block(encoder, type), /^0f10/);
  });

  it('may be more than at first where we use more', () => {
    const encoder = new HpackEncoder(16_384);
    encoder.setPeerTableBytesMax(16_384);
    const agents = Array.from({ length: 150 }, (_, index) => field('user-agent', `agent/${index}`));
    block(encoder, ...agents);
    assert.equal(block(encoder, agents[149] as Field, agents[0] as Field), 'beff54');
  });

  it('is 64 KiB at most, with entries that are found up to the oldest', () => {
    const encoder = new HpackEncoder(2 ** 31 - 1);
    encoder.setPeerTableBytesMax(2 ** 31 - 1);
    const agents = Array.from({ length: 1200 }, (_, index) => field('user-agent', `a${index}`));
    assert.match(block(encoder, ...agents), /^3fe1ff03/);
    assert.match(
      block(encoder, ...agents),
      /^(?:ff[89a-f][0-9a-f]0[1-9]|ff[0-7][0-9a-f]|[bcdef][0-9a-f]){1200}$/,
      'nothing but indices',
    );
  });
});
