import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { createSecureContext } from 'node:tls';
import { epochMs } from '@modelmesh/core';
import { selfSignedCertificate } from './index.ts';

const NOW = epochMs(Date.UTC(2026, 0, 15, 12, 30, 59));

describe('a self-signed certificate', () => {
  it('is one for its own key, with its names and addresses', () => {
    const { cert, key } = selfSignedCertificate(['node-a.example', '10.0.0.1', '::1', '2001:db8::ff:7f00:1'], NOW);
    const parsed = new X509Certificate(cert);
    assert.equal(parsed.subject, 'CN=node-a.example');
    assert.equal(parsed.issuer, parsed.subject);
    assert.ok(parsed.verify(parsed.publicKey));
    assert.ok(parsed.checkPrivateKey(createPrivateKey(key)));
    assert.equal(parsed.checkHost('node-a.example'), 'node-a.example');
    assert.equal(parsed.checkIP('10.0.0.1'), '10.0.0.1');
    assert.equal(parsed.checkIP('::1'), '::1');
    assert.equal(parsed.checkIP('2001:db8::ff:7f00:1'), '2001:db8::ff:7f00:1');
    createSecureContext({ cert, key });
  });

  it('is valid from a day before now for ten years, beyond 2050 too', () => {
    const until = (now: number): string => new X509Certificate(selfSignedCertificate(['a'], epochMs(now)).cert).validTo;
    assert.equal(new X509Certificate(selfSignedCertificate(['a'], NOW).cert).validFrom, 'Jan 14 12:30:59 2026 GMT');
    assert.equal(until(NOW), 'Jan 13 12:30:59 2036 GMT');
    assert.equal(until(Date.UTC(2045, 0, 1)), 'Dec 30 00:00:00 2054 GMT');
  });

  it('has a key and a number of its own each time', () => {
    const [one, other] = [selfSignedCertificate(['a'], NOW), selfSignedCertificate(['a'], NOW)];
    assert.notEqual(one.key, other.key);
    assert.notEqual(new X509Certificate(one.cert).serialNumber, new X509Certificate(other.cert).serialNumber);
  });

  it('needs a name, and takes a hundred at most', () => {
    assert.throws(() => selfSignedCertificate([], NOW), { kind: 'invalid-argument' });
    const names = Array.from({ length: 101 }, (_, at) => `n${at}`);
    assert.throws(() => selfSignedCertificate(names, NOW), { kind: 'invalid-argument' });
    assert.equal(new X509Certificate(selfSignedCertificate(names.slice(1), NOW).cert).checkHost('n100'), 'n100');
  });
});
