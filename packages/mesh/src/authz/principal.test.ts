import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_NAMESPACE } from '@modelmesh/core';
import fc from 'fast-check';
import { type Principal, principalOf } from './index.ts';
import { nameAttributes } from './subject-name.ts';

const principal = (subject: string): Principal =>
  principalOf({ remoteAddress: '', encrypted: true, clientCertificate: { subject, altNames: [] } });

describe('the principal of a connection', () => {
  it('is anonymous without a verified certificate, encrypted or not', () => {
    for (const encrypted of [false, true]) {
      const anonymous = { subject: '', tenant: '', namespace: DEFAULT_NAMESPACE, groups: [], source: 'anonymous' };
      assert.deepEqual(principalOf({ remoteAddress: '10.0.0.1', encrypted, clientCertificate: undefined }), anonymous);
    }
  });

  it('has the organisation of the subject as tenant and its units as groups, in their order', () => {
    const subject = 'CN=client,OU=blue,OU=green,O=Acme,C=DE';
    const groups = ['blue', 'green'];
    assert.deepEqual(principal(subject), { subject, tenant: 'Acme', namespace: DEFAULT_NAMESPACE, groups, source: 'mtls' });
  });

  it('has no tenant and no groups where the subject names none', () => {
    const { tenant, groups, source } = principal('CN=client');
    assert.deepEqual([tenant, groups, source], ['', [], 'mtls']);
  });

  it('keeps what is escaped: a comma, quotes, a plus, blanks at the ends, bytes in hex, letters beyond ASCII', () => {
    assert.equal(principal('CN=c,O=Model Mesh\\, Tests,C=DE').tenant, 'Model Mesh, Tests');
    assert.equal(principal('O=\\"A\\+B\\" \\<x\\>\\;').tenant, '"A+B" <x>;');
    assert.equal(principal('O=\\ two \\ ,CN=c').tenant, ' two  ');
    assert.equal(principal('O=\\#1\\0Anext').tenant, '#1\nnext');
    assert.equal(principal('O=M\\C3\\BCller').tenant, 'Müller');
    assert.equal(principal('O=Müller 🦊').tenant, 'Müller 🦊');
  });

  it('reads the values of one element that has several', () => {
    const { tenant, groups } = principal('CN=c + OU=blue + O=Acme+OU=green,C=DE');
    assert.deepEqual([tenant, groups], ['Acme', ['blue', 'green']]);
  });

  it('is not taken in by a name that contains another attribute', () => {
    const { tenant, groups } = principal('CN=evil\\,O\\=Bank\\,OU=admins,O=Evil');
    assert.deepEqual([tenant, groups], ['Evil', []]);
    assert.equal(principal('CN=x\\0AO=Bank').tenant, '');
    assert.deepEqual(principal('CN=a\\\\,OU=real').groups, ['real']);
  });

  it('gets back every value whatever it holds', () => {
    const escaped = (value: string): string => value.replace(/[,+"\\<>;= #]/g, '\\$&');
    const value = fc.string({ unit: fc.constantFrom(...' ,+\\="#;<>é🦊\n\0aO4'), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), fc.constantFrom(',', '+', ' + '), (values, separator) => {
        const name = values.map((each) => `O=${escaped(each)}`).join(separator);
        const read = nameAttributes(name).map((attribute) => attribute.value);
        assert.deepEqual(read, values);
      }),
    );
  });
});
