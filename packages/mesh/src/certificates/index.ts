/** The door of the room: certificates that a node makes for itself. */
export { type CertificateAndKey, selfSignedCertificate } from './self-signed.ts';
