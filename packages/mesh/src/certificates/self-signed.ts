import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { type EpochMs, MeshError } from '@modelmesh/core';
import { bits, objectIdentifier, octets, positive, sequence, set, tagged, time, utf8 } from './der.ts';

/** Lifetime of a certificate that a node makes for itself at its start. */
const LIFETIME_MS = 10 * 365 * 86_400_000;
/** Clocks of those who look at it may be behind. */
const BACKDATED_MS = 86_400_000;
const NAMES_MAX = 100;
/** RFC 5280, appendix A: ub-common-name. */
const COMMON_NAME_CHARS_MAX = 64;

const OID = { commonName: '2.5.4.3', altNames: '2.5.29.17', ecdsaWithSha256: '1.2.840.10045.4.3.2' } as const;
/** Kinds of GeneralName, RFC 5280 §4.2.1.6. */
const GENERAL_NAME = { dns: 0x82, ip: 0x87 } as const;

/** PEM texts. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

/**
 * A fresh P-256 key with a certificate that it signed itself: encrypts, and proves nothing. RFC 5280.
 *
 * @param names host names and IPv4 or IPv6 addresses; the first one is the common name
 * @throws {MeshError} `invalid-argument` without a name, or with too many
 */
export function selfSignedCertificate(names: readonly string[], now: EpochMs): CertificateAndKey {
  const [commonName] = names;
  if (commonName === undefined || names.length > NAMES_MAX)
    throw new MeshError('invalid-argument', `a certificate has 1 to ${NAMES_MAX} names, got ${names.length}`);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const name = sequence(set(sequence(objectIdentifier(OID.commonName), utf8(commonName.slice(0, COMMON_NAME_CHARS_MAX)))));
  const altNames = sequence(objectIdentifier(OID.altNames), octets(sequence(...names.map(generalName))));
  const signed = sequence(
    tagged(0xa0, positive(Buffer.from([2]))),
    positive(serialOf(spki)),
    algorithm,
    name,
    sequence(time(now - BACKDATED_MS), time(now + LIFETIME_MS)),
    name,
    spki,
    tagged(0xa3, sequence(altNames)),
  );
  const der = sequence(signed, algorithm, bits(sign('sha256', signed, privateKey)));
  return { cert: pem(der), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Unique because the key is: eight bytes of its hash, the first one from 1 to 127. */
function serialOf(spki: Buffer): Buffer {
  const serial = createHash('sha256').update(spki).digest().subarray(0, 8);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

function generalName(name: string): Buffer {
  if (isIPv4(name)) return tagged(GENERAL_NAME.ip, Buffer.from(name.split('.').map(Number)));
  if (isIPv6(name)) return tagged(GENERAL_NAME.ip, ipv6(name));
  return tagged(GENERAL_NAME.dns, Buffer.from(name, 'latin1'));
}

function ipv6(address: string): Buffer {
  // The host of a URL is written in its shortest form, without an IPv4 tail.
  const [front = '', back] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [first, last] = [groups(front), groups(back ?? '')];
  const zeros = Array<string>(8 - first.length - last.length).fill('0');
  return Buffer.from([...first, ...zeros, ...last].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
